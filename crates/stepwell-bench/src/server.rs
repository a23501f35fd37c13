//! The canned server: fixed replies over HTTP/1, made once.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::held;

/// The states of a new pipeline in the order in which they are shown: one for each look.
const STATES: [&str; 3] = ["Created", "Scheduling", "Running"];

/// What the server holds and has been asked.
#[derive(Debug)]
pub struct Canned {
    rows: Vec<Bytes>,
    /// The place of each id in `rows`.
    places: HashMap<String, usize>,
    /// The page that holds all.
    all: Bytes,
    validation: Bytes,
    graph: Value,
    /// How often each new pipeline was looked at.
    looks: Mutex<HashMap<String, usize>>,
    asked: Mutex<Asked>,
    time: ServiceTime,
}

/// How long the server takes over what it is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceTime {
    request: Duration,
    row: Duration,
}

impl ServiceTime {
    /// 10 ms a request and 0.14 ms a listed row, as a debug build of an Arroyo with 2,001 pipelines took.
    pub const ARROYO: Self = Self {
        request: Duration::from_millis(10),
        row: Duration::from_micros(140),
    };
}

/// What the server has been asked; `GET /asked` gives it and begins anew.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    requests: u64,
    lists: u64,
    rows: u64,
}

impl Canned {
    /// A server with so many pipelines.
    ///
    /// # Errors
    ///
    /// Not with the pipelines of [`held`].
    pub fn new(held: usize) -> Result<Self, serde_json::Error> {
        let pipelines: Vec<_> = (0..held).map(held::pipeline).collect();
        let rows: Vec<_> = pipelines
            .iter()
            .map(|pipeline| serde_json::to_vec(pipeline).map(Bytes::from))
            .collect::<Result<_, _>>()?;
        let places = pipelines
            .iter()
            .enumerate()
            .map(|(place, pipeline)| (pipeline.id.as_str().to_owned(), place))
            .collect();
        let graph = serde_json::to_value(held::graph())?;
        Ok(Self {
            all: page(&rows, false),
            rows,
            places,
            validation: to_bytes(&json!({"graph": graph, "errors": []})),
            graph,
            looks: Mutex::default(),
            asked: Mutex::default(),
            time: ServiceTime::default(),
        })
    }

    /// The same server, which takes its time.
    #[must_use]
    pub fn taking(self, time: ServiceTime) -> Self {
        Self { time, ..self }
    }

    async fn list(&self, uri: &Uri) -> Bytes {
        let option = |name: &str| {
            uri.query()?.split('&').find_map(|option| {
                let (key, value) = option.split_once('=')?;
                (key == name).then_some(value)
            })
        };
        let limit = option("limit").and_then(|limit| limit.parse().ok());
        let limit: usize = limit.unwrap_or(10);
        let from = match option("starting_after") {
            None => 0,
            Some(id) => self
                .places
                .get(id)
                .map_or(self.rows.len(), |place| place + 1),
        };
        let to = from.saturating_add(limit).min(self.rows.len());
        self.asked(|asked| {
            asked.lists += 1;
            asked.rows += (to - from) as u64;
        });
        let rows = u32::try_from(to - from).unwrap_or(u32::MAX);
        take(self.time.row.saturating_mul(rows)).await;
        if from == 0 && to == self.rows.len() {
            return self.all.clone();
        }
        page(&self.rows[from..to], to < self.rows.len())
    }

    /// The reply to a create: the pipeline under its id, and its job is new.
    fn created(&self, id: &str, request: &[u8]) -> Bytes {
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        self.looks().insert(id.to_owned(), 0);
        to_bytes(&json!({
            "id": id, "name": request["name"], "query": request["query"], "udfs": [],
            "checkpoint_interval_micros": 10_000_000, "stop": "none", "created_at": 1_795_574_860_000_000_u64,
            "action": "checkpoint", "action_text": "Stop", "action_in_progress": true, "graph": self.graph,
            "preview": false, "state_url": null, "tags": {},
        }))
    }

    fn job(&self, id: &str) -> Bytes {
        let state = match self.looks().get_mut(id) {
            // One that it held from the beginning.
            None => "Running",
            Some(looks) => {
                let state = STATES[(*looks).min(STATES.len() - 1)];
                *looks += 1;
                state
            }
        };
        to_bytes(&json!({"data": [{
            "id": "job_kAxlNH1EQy", "pipeline_id": id, "running_desired": true, "state": state, "run_id": 1,
            "start_time": 1_795_574_860_163_266_u64, "finish_time": null, "tasks": 3, "failure_reason": null,
            "created_at": 1_795_574_859_000_000_u64, "scheduler_config": {}, "env_vars": {},
        }]}))
    }

    fn looks(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked<T>(&self, note: impl FnOnce(&mut Asked) -> T) -> T {
        note(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return reply(StatusCode::BAD_REQUEST, Bytes::new()),
        };
        let path: Vec<_> = parts
            .uri
            .path()
            .trim_start_matches('/')
            .split('/')
            .collect();
        if path != ["asked"] {
            self.asked(|asked| asked.requests += 1);
            take(self.time.request).await;
        }
        let body = match (parts.method, path.as_slice()) {
            (Method::GET, ["asked"]) => {
                let Asked {
                    requests,
                    lists,
                    rows,
                } = self.asked(std::mem::take);
                to_bytes(&json!({"requests": requests, "lists": lists, "rows": rows}))
            }
            (Method::GET, ["api", "v1", "ping"]) => Bytes::from_static(b"\"Pong\""),
            (Method::POST, ["api", "v1", "pipelines", "validate_query"]) => self.validation.clone(),
            (Method::GET, ["api", "v1", "pipelines"]) => self.list(&parts.uri).await,
            (Method::POST, ["api", "v1", "pipelines"]) => self.created("pl_new", &body),
            (Method::PUT, ["api", "v1", "pipelines", id]) => self.created(id, &body),
            (Method::PATCH | Method::GET, ["api", "v1", "pipelines", id]) => {
                match self.places.get(*id) {
                    Some(place) => self.rows[*place].clone(),
                    None => return not_found(),
                }
            }
            (Method::GET, ["api", "v1", "pipelines", id, "jobs"]) => self.job(id),
            _ => return not_found(),
        };
        reply(StatusCode::OK, body)
    }
}

async fn take(time: Duration) {
    // A sleep of no length takes a millisecond.
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn not_found() -> Response<Full<Bytes>> {
    let body = Bytes::from_static(br#"{"error":"Pipeline not found"}"#);
    reply(StatusCode::NOT_FOUND, body)
}

fn reply(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}

fn page(rows: &[Bytes], has_more: bool) -> Bytes {
    let mut page = br#"{"data":["#.to_vec();
    page.extend_from_slice(&rows.join(&b','));
    page.extend_from_slice(format!(r#"],"hasMore":{has_more}}}"#).as_bytes());
    page.into()
}

fn to_bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

/// Serves until the process ends.
///
/// # Errors
///
/// When the listener cannot accept.
pub async fn serve(listener: TcpListener, canned: Arc<Canned>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let canned = Arc::clone(&canned);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let canned = Arc::clone(&canned);
                async move { Ok::<_, Infallible>(canned.answer(request).await) }
            });
            // A client that goes away is how every measurement ends.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

//! The canned server: replies over HTTP/1 that are built once.

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
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::held;

/// The states of a new pipeline, one for each time that its job is read.
const STATES: [&str; 3] = ["Created", "Scheduling", "Running"];

/// The pipelines of the server, and what it was asked.
#[derive(Debug)]
pub struct Canned {
    rows: Vec<Bytes>,
    /// The index of each id in `rows`.
    indices: HashMap<String, usize>,
    /// The page with all rows.
    all: Bytes,
    validation: Bytes,
    graph: Value,
    /// How often the job of each new pipeline was read.
    reads: Mutex<HashMap<String, usize>>,
    asked: Mutex<Asked>,
    time: ServiceTime,
}

/// How long the server takes for a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceTime {
    request: Duration,
    row: Duration,
}

impl ServiceTime {
    /// 10 ms for a request and 0.14 ms for a listed row, as measured on a debug build of an Arroyo with 2,001 pipelines.
    pub const ARROYO: Self = Self {
        request: Duration::from_millis(10),
        row: Duration::from_micros(140),
    };
}

/// What the server was asked. `GET /asked` returns it and resets it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Asked {
    /// All requests.
    pub requests: u64,
    /// Pages of the list.
    pub lists: u64,
    /// Rows in these pages.
    pub rows: u64,
}

impl Canned {
    /// A server with this many pipelines.
    ///
    /// # Errors
    ///
    /// Never fails with the pipelines of [`held`].
    pub fn new(held: usize) -> Result<Self, serde_json::Error> {
        let pipelines: Vec<_> = (0..held).map(held::pipeline).collect();
        let rows: Vec<_> = pipelines
            .iter()
            .map(|pipeline| serde_json::to_vec(pipeline).map(Bytes::from))
            .collect::<Result<_, _>>()?;
        let indices = pipelines
            .iter()
            .enumerate()
            .map(|(index, pipeline)| (pipeline.id.as_str().to_owned(), index))
            .collect();
        let graph = serde_json::to_value(held::graph())?;
        Ok(Self {
            all: page(&rows, false),
            rows,
            indices,
            validation: to_bytes(&json!({"graph": graph, "errors": []})),
            graph,
            reads: Mutex::default(),
            asked: Mutex::default(),
            time: ServiceTime::default(),
        })
    }

    /// The same server with this service time.
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
                .indices
                .get(id)
                .map_or(self.rows.len(), |index| index + 1),
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

    /// The reply to a create. The job of the pipeline is new.
    fn created(&self, id: &str, request: &[u8]) -> Bytes {
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        self.reads().insert(id.to_owned(), 0);
        to_bytes(&json!({
            "id": id, "name": request["name"], "query": request["query"], "udfs": [],
            "checkpoint_interval_micros": 10_000_000, "stop": "none", "created_at": 1_795_574_860_000_000_u64,
            "action": "checkpoint", "action_text": "Stop", "action_in_progress": true, "graph": self.graph,
            "preview": false, "state_url": null, "tags": {},
        }))
    }

    fn job(&self, id: &str) -> Bytes {
        let state = match self.reads().get_mut(id) {
            // It was held from the beginning.
            None => "Running",
            Some(reads) => {
                let state = STATES[(*reads).min(STATES.len() - 1)];
                *reads += 1;
                state
            }
        };
        to_bytes(&json!({"data": [{
            "id": "job_kAxlNH1EQy", "pipeline_id": id, "running_desired": true, "state": state, "run_id": 1,
            "start_time": 1_795_574_860_163_266_u64, "finish_time": null, "tasks": 3, "failure_reason": null,
            "created_at": 1_795_574_859_000_000_u64, "scheduler_config": {}, "env_vars": {},
        }]}))
    }

    fn reads(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked<T>(&self, change: impl FnOnce(&mut Asked) -> T) -> T {
        change(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
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
            (Method::GET, ["asked"]) => to_bytes(&json!(self.asked(std::mem::take))),
            (Method::GET, ["api", "v1", "ping"]) => Bytes::from_static(b"\"Pong\""),
            (Method::POST, ["api", "v1", "pipelines", "validate_query"]) => self.validation.clone(),
            (Method::GET, ["api", "v1", "pipelines"]) => self.list(&parts.uri).await,
            (Method::POST, ["api", "v1", "pipelines"]) => self.created("pl_new", &body),
            (Method::PUT, ["api", "v1", "pipelines", id]) => self.created(id, &body),
            (Method::PATCH | Method::GET, ["api", "v1", "pipelines", id]) => {
                match self.indices.get(*id) {
                    Some(index) => self.rows[*index].clone(),
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
    // The timer would round zero up to a millisecond.
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
/// Fails if the listener cannot accept a connection.
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
            // Every measurement ends with a closed connection.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

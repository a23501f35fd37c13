//! The simulation of one control plane.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use stepwell::{
    Transport,
    transport::{Phase, Timeout, TransportError, TransportErrorKind},
};
use tokio::sync::Semaphore;

use crate::{holdings::Holdings, load::Load};

/// The speed and the limits of the control plane.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Model {
    /// The service time of every request.
    pub request: Duration,
    /// The additional service time of each listed pipeline.
    pub row: Duration,
    /// The number of requests that are served concurrently. Others wait in the order of their arrival.
    pub at_a_time: usize,
    /// The number of requests that may wait, if a gateway in front answers the others with 503.
    pub waiting: Option<usize>,
    /// How long it refuses connections, because it is being restarted.
    pub down: Duration,
}

impl Default for Model {
    /// As measured on a debug build of Arroyo, one request after another.
    fn default() -> Self {
        Self {
            request: Duration::from_millis(10),
            row: Duration::from_micros(140),
            at_a_time: 1,
            waiting: None,
            down: Duration::ZERO,
        }
    }
}

/// The times from creation to Running, in milliseconds. They were recorded as 0.25 to 0.6 s on one machine.
const STARTS: [u64; 8] = [250, 300, 350, 400, 450, 500, 550, 600];

/// One control plane. Clones share it.
#[derive(Clone)]
pub struct SimulatedPlane {
    model: Model,
    workers: Arc<Semaphore>,
    state: Arc<Mutex<PlaneState>>,
}

struct PlaneState {
    holdings: Holdings,
    load: Load,
    waiting: usize,
    starts: usize,
}

impl SimulatedPlane {
    #[must_use]
    pub fn new(model: Model) -> Self {
        Self {
            model,
            workers: Arc::new(Semaphore::new(model.at_a_time)),
            state: Arc::new(Mutex::new(PlaneState {
                holdings: Holdings::new(),
                load: Load::begin(),
                waiting: 0,
                starts: 0,
            })),
        }
    }

    fn lock(&self) -> MutexGuard<'_, PlaneState> {
        self.state.lock().unwrap()
    }

    /// Adds `weight` running pipelines, newer than those before. They are listed as one row, which takes the time of all of them, and only
    /// the pipeline in the row can be read by its id.
    pub fn hold(&self, id: &str, name: &str, query: &str, weight: usize) {
        self.lock().holdings.hold(id, name, query, weight);
    }

    #[must_use]
    pub fn load(&self) -> Load {
        self.lock().load.clone()
    }

    async fn serve(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let _queued = Queued::new(self);
        let worker = self.workers.acquire().await.unwrap();
        // A client that has gone by now is not served, because the server drops its request.
        let _busy = Busy {
            plane: self,
            since: tokio::time::Instant::now(),
        };
        tokio::time::sleep(self.cost(request)).await;
        let reply = self.answer(request);
        drop(worker);
        reply
    }

    fn cost(&self, request: &Request<Bytes>) -> Duration {
        let rows = match listed(request) {
            Some((limit, after)) => self.lock().holdings.page(limit, after).charged,
            None => 0,
        };
        self.model.request + self.model.row * u32::try_from(rows).unwrap()
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if let Some((limit, after)) = listed(request) {
            return json_reply(self.lock().holdings.page(limit, after).body);
        }
        let mut state = self.lock();
        let path = request.uri().path();
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        match (request.method(), path) {
            (&Method::GET, "/ping") => json_reply(r#""Pong""#.to_owned()),
            (&Method::POST, "/pipelines/validate_query") => {
                json_reply(r#"{"graph":{"nodes":[],"edges":[]},"errors":[]}"#.to_owned())
            }
            (method, path) => {
                let path = path.strip_prefix("/pipelines/").unwrap_or_default();
                match (method, path.strip_suffix("/jobs")) {
                    (&Method::GET, Some(id)) => match state.holdings.job(id) {
                        Some(job) => json_reply(json!({"data": [job]}).to_string()),
                        None => unknown(),
                    },
                    (&Method::GET, None) => match state.holdings.get(path) {
                        Some(body) => json_reply(body.to_owned()),
                        None => unknown(),
                    },
                    (&Method::PUT, None) => state.create(path, request),
                    _ => unknown(),
                }
            }
        }
    }
}

impl PlaneState {
    fn create(&mut self, id: &str, request: &Request<Bytes>) -> Response<Bytes> {
        if self.holdings.get(id).is_some() {
            let body = json!({"error": "a pipeline with this id exists already"});
            return reply(StatusCode::BAD_REQUEST, body.to_string());
        }
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        let start = Duration::from_millis(STARTS[self.starts % STARTS.len()]);
        self.starts += 1;
        self.holdings.create(id, text("name"), text("query"), start);
        json_reply(self.holdings.get(id).unwrap_or_default().to_owned())
    }
}

/// The limit and the cursor of the requested page.
fn listed(request: &Request<Bytes>) -> Option<(usize, Option<&str>)> {
    let uri = request.uri();
    if uri.path() != "/api/v1/pipelines" || *request.method() != Method::GET {
        return None;
    }
    let parameter = |name: &str| {
        let mut pairs = uri
            .query()?
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    };
    let limit = parameter("limit").and_then(|limit| limit.parse().ok());
    Some((limit.unwrap_or(10), parameter("starting_after")))
}

fn reply(status: StatusCode, body: String) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Bytes::from(body))
        .unwrap()
}

fn json_reply(body: String) -> Response<Bytes> {
    reply(StatusCode::OK, body)
}

fn unknown() -> Response<Bytes> {
    reply(
        StatusCode::NOT_FOUND,
        r#"{"error":"Pipeline not found"}"#.to_owned(),
    )
}

/// A request that waits or is served.
struct Queued<'a>(&'a SimulatedPlane);

impl<'a> Queued<'a> {
    fn new(plane: &'a SimulatedPlane) -> Self {
        plane.lock().waiting += 1;
        Self(plane)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

/// A request that is served, until the reply or until its client has gone.
struct Busy<'a> {
    plane: &'a SimulatedPlane,
    since: tokio::time::Instant,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.plane.lock().load.busy += self.since.elapsed();
    }
}

impl Transport for SimulatedPlane {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let timeout = request
            .extensions()
            .get::<Timeout>()
            .map_or(Duration::from_secs(30), |timeout| timeout.0);
        {
            let mut state = self.lock();
            state.load.arrived();
            if state.load.elapsed() < self.model.down {
                state.load.refused += 1;
                let (kind, phase) = (TransportErrorKind::Refused, Phase::NotSent);
                return Err(TransportError::new(kind, phase, "refused"));
            }
            let limit = self
                .model
                .waiting
                .map(|waiting| waiting + self.model.at_a_time);
            if limit.is_some_and(|limit| state.waiting >= limit) {
                state.load.refused += 1;
                let body = Bytes::from_static(b"no healthy upstream");
                let mut reply = Response::new(body);
                *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                return Ok(reply);
            }
        }
        match tokio::time::timeout(timeout, self.serve(&request)).await {
            Ok(reply) => Ok(reply),
            Err(_) => Err(TransportError::new(
                TransportErrorKind::TimedOut,
                Phase::MaybeSent,
                "timed out",
            )),
        }
    }
}

impl fmt::Debug for SimulatedPlane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SimulatedPlane")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

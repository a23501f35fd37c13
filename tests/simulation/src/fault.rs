//! The network between a submitter and the server.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use stepwell::{
    Phase, Transport,
    transport::{Deadline, TransportError, TransportErrorKind as Kind},
};

use faults::chance::Chance;

use crate::world::World;

/// What can happen to a request. The name is a column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    None,
    Refused,
    LostBefore,
    LostAfter,
    CommittedLate,
    CutMidway,
    ReplyTooLate,
    Slow,
    ErrorBefore,
    ErrorAfter,
    Html,
    EmptyReply,
    TruncatedReply,
    ServerDown,
}

const FAULTS: [Fault; 12] = [
    Fault::Refused,
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::CommittedLate,
    Fault::CutMidway,
    Fault::ReplyTooLate,
    Fault::Slow,
    Fault::ErrorBefore,
    Fault::ErrorAfter,
    Fault::Html,
    Fault::EmptyReply,
    Fault::TruncatedReply,
];

/// How often each fault met each kind of request.
pub type Hits = Arc<Mutex<std::collections::BTreeMap<(&'static str, Fault), u64>>>;

/// The way of one submitter to the server.
#[derive(Clone)]
pub struct Network {
    world: World,
    who: String,
    chance: Arc<Mutex<Chance>>,
    /// How many of a hundred requests something happens to.
    trouble: u64,
    hits: Hits,
}

impl Network {
    pub fn new(world: &World, who: &str, trouble: u64, chance: Chance, hits: &Hits) -> Self {
        Self {
            world: world.clone(),
            who: who.to_owned(),
            chance: Arc::new(Mutex::new(chance)),
            trouble,
            hits: Arc::clone(hits),
        }
    }

    fn draw(&self, request: &Request<Bytes>) -> (Fault, Chance) {
        let mut chance = self.chance.lock().unwrap();
        let mut fault = Fault::None;
        let writes = matches!(step_of(request), "create" | "patch" | "restart");
        // What changes something is where it hurts.
        let trouble = if writes {
            (self.trouble * 2).min(80)
        } else {
            self.trouble
        };
        if chance.percent(trouble) {
            let last = FAULTS.len() as u64;
            fault = FAULTS[usize::try_from(chance.below(last)).unwrap()];
        }
        let creates = step_of(request) == "create";
        if fault == Fault::CutMidway && !creates {
            fault = Fault::LostBefore;
        }
        if self.world.lock().is_down() {
            fault = Fault::ServerDown;
        }
        *self
            .hits
            .lock()
            .unwrap()
            .entry((step_of(request), fault))
            .or_default() += 1;
        (fault, chance.fork())
    }

    fn effect(&self, request: &Request<Bytes>) -> Response<Bytes> {
        self.world.lock().answer(&self.who, request)
    }
}

/// What a request is for: a row of the matrix.
pub fn step_of(request: &Request<Bytes>) -> &'static str {
    let path = request.uri().path();
    match *request.method() {
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::POST if path.ends_with("/validate_query") => "validate",
        Method::POST if path.ends_with("/restart") => "restart",
        Method::PUT | Method::POST => "create",
        _ if path.ends_with("/ping") => "ping",
        _ if path.ends_with("/jobs") => "jobs",
        _ if path == "/api/v1/pipelines" => "list",
        _ => "look",
    }
}

impl Transport for Network {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let deadline = request
            .extensions()
            .get::<Deadline>()
            .map_or(Duration::from_secs(30), |deadline| deadline.0);
        let (fault, mut chance) = self.draw(&request);
        if fault != Fault::None {
            let step = step_of(&request);
            self.world
                .lock()
                .note(format!("{}: {fault:?} for {step}", self.who));
        }
        let mut under_way = UnderWay {
            network: self,
            request: Some(&request),
            chance: chance.fork(),
        };
        tokio::time::sleep(chance.millis(0, 20).min(deadline)).await;
        under_way.request = None;
        match fault {
            Fault::None => Ok(self.effect(&request)),
            Fault::Slow => {
                let pause = chance.millis(100, 3_000);
                if pause >= deadline {
                    return timed_out(deadline).await;
                }
                tokio::time::sleep(pause).await;
                Ok(self.effect(&request))
            }
            Fault::Refused => Err(TransportError::new(
                Kind::Refused,
                Phase::NotSent,
                "refused",
            )),
            Fault::ServerDown if chance.percent(50) => {
                Err(TransportError::new(Kind::Refused, Phase::NotSent, "down"))
            }
            Fault::ServerDown | Fault::LostBefore => Err(closed()),
            Fault::LostAfter => {
                self.effect(&request);
                Err(closed())
            }
            Fault::CommittedLate => {
                let (network, late) = (self.clone(), chance.millis(500, 100_000));
                let request = request.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    network
                        .world
                        .lock()
                        .note(format!("{}: committed late", network.who));
                    network.effect(&request);
                    if step_of(&request) != "create" {
                        let path = request.uri().path().to_owned();
                        network.world.lock().late.push(path);
                    }
                });
                if chance.percent(50) {
                    Err(closed())
                } else {
                    timed_out(deadline).await
                }
            }
            Fault::CutMidway => {
                // The row is written, its job is not.
                self.effect(&without_job(&request));
                Err(closed())
            }
            Fault::ReplyTooLate => {
                self.effect(&request);
                timed_out(deadline).await
            }
            Fault::ErrorBefore => Ok(gateway(&mut chance)),
            Fault::ErrorAfter => {
                self.effect(&request);
                Ok(gateway(&mut chance))
            }
            Fault::Html => Ok(html(StatusCode::OK)),
            Fault::EmptyReply => {
                let status = self.effect(&request).status();
                let mut reply = Response::new(Bytes::new());
                *reply.status_mut() = status;
                Ok(reply)
            }
            Fault::TruncatedReply => {
                let reply = self.effect(&request);
                let half = reply.body().len() / 2;
                Ok(reply.map(|body| body.slice(..half)))
            }
        }
    }
}

/// A request that its caller may drop: the server then has it, or not, or half of it.
struct UnderWay<'a> {
    network: &'a Network,
    request: Option<&'a Request<Bytes>>,
    chance: Chance,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let Some(request) = self.request else { return };
        let creates = step_of(request) == "create";
        match self.chance.below(3) {
            0 => {}
            1 if creates => drop(self.network.effect(&without_job(request))),
            _ => drop(self.network.effect(request)),
        }
    }
}

async fn timed_out(deadline: Duration) -> Result<Response<Bytes>, TransportError> {
    tokio::time::sleep(deadline).await;
    Err(TransportError::new(
        Kind::TimedOut,
        Phase::MaybeSent,
        "timed out",
    ))
}

fn closed() -> TransportError {
    TransportError::new(Kind::Closed, Phase::MaybeSent, "closed")
}

fn gateway(chance: &mut Chance) -> Response<Bytes> {
    let statuses = [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    html(statuses[usize::try_from(chance.below(3)).unwrap()])
}

fn html(status: StatusCode) -> Response<Bytes> {
    let mut reply = Response::new(Bytes::from_static(b"<!doctype html><title>gateway</title>"));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    reply
}

/// The same create with an interval out of range, which a server finds out after it has written the row.
fn without_job(request: &Request<Bytes>) -> Request<Bytes> {
    let mut body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
    body["checkpoint_interval_micros"] = 1.into();
    let mut cut = Request::builder()
        .method(request.method())
        .uri(request.uri());
    cut = cut.header(header::CONTENT_TYPE, "application/json");
    cut.body(Bytes::from(body.to_string())).unwrap()
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Network")
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

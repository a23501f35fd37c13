//! The network between a submitter and the server.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use stepwell::{
    Transport,
    transport::{Phase, Timeout, TransportError, TransportErrorKind as Kind},
};
use tokio::{sync::Notify, time::Instant};

use crate::{
    Chance,
    fault::{Fault, Focus, Purpose},
    history::id_in,
    matrix::Matrix,
    replies::{closed, page, reply, timed_out, without_job},
    world::{Sent, World},
};

/// The way of one submitter to the server.
#[derive(Clone)]
pub struct Network {
    world: World,
    who: String,
    process: usize,
    chance: Arc<Mutex<Chance>>,
    /// Of a hundred requests, how many something happens to.
    trouble: u64,
    /// What is to happen once beside that.
    focus: Arc<Mutex<Option<Focus>>>,
    matrix: Matrix,
    gone: Arc<Notify>,
}

impl Network {
    /// The way of `who` in a process; nothing happens on it.
    pub fn new(world: &World, who: &str, process: usize, chance: Chance, matrix: &Matrix) -> Self {
        Self {
            world: world.clone(),
            who: who.to_owned(),
            process,
            chance: Arc::new(Mutex::new(chance)),
            trouble: 0,
            focus: Arc::default(),
            matrix: matrix.clone(),
            gone: Arc::default(),
        }
    }

    pub fn troubled(mut self, trouble: u64, focus: Option<Focus>, gone: &Arc<Notify>) -> Self {
        self.trouble = trouble;
        self.focus = Arc::new(Mutex::new(focus));
        self.gone = Arc::clone(gone);
        self
    }

    fn draw(&self, purpose: Purpose) -> (Fault, Chance) {
        let mut chance = self.chance.lock().unwrap();
        let fault = match self.focused(purpose, &mut chance) {
            Some(Fault::ServerDown) => {
                self.world.lock().restart();
                Fault::ServerDown
            }
            _ if self.world.lock().is_down() => Fault::ServerDown,
            Some(fault) => fault,
            None => Fault::draw(purpose, self.trouble, &mut chance),
        };
        self.matrix.hit(purpose, fault);
        (fault, chance.fork())
    }

    fn focused(&self, purpose: Purpose, chance: &mut Chance) -> Option<Fault> {
        let mut focus = self.focus.lock().unwrap();
        let meant = focus.is_some_and(|focus| focus.purpose == purpose) && chance.percent(85);
        meant.then(|| focus.take().unwrap().fault)
    }

    fn effect(&self, request: &Request<Bytes>, sent_at: Instant, late: bool) -> Response<Bytes> {
        let mut inner = self.world.lock();
        let path = request.uri().path();
        // A reader that is behind: a pipeline that was just made does not show.
        if *request.method() == Method::GET && inner.is_hidden(&id_in(path)) {
            let text = if path.ends_with("/jobs") && self.chance.lock().unwrap().percent(50) {
                return reply(StatusCode::OK, r#"{"data":[]}"#);
            } else {
                r#"{"error":"Pipeline not found"}"#
            };
            return reply(StatusCode::NOT_FOUND, text);
        }
        let sent = Sent {
            who: &self.who,
            at: sent_at,
            late,
        };
        if path != "/api/v1/pipelines" || *request.method() != Method::GET {
            return inner.answer(sent, request);
        }
        let capped = inner.nature.page.map(|page| cap(request, page));
        let list = inner.answer(sent, capped.as_ref().unwrap_or(request));
        let body: Result<serde_json::Value, _> = serde_json::from_slice(list.body());
        let Ok(mut body) = body else { return list };
        if let Some(rows) = body["data"].as_array_mut() {
            rows.retain(|row| !inner.is_hidden(row["id"].as_str().unwrap()));
        }
        list.map(|_| Bytes::from(body.to_string()))
    }
}

fn cap(request: &Request<Bytes>, page: usize) -> Request<Bytes> {
    let uri = request.uri().to_string();
    let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let rest: Vec<_> = query
        .split('&')
        .filter(|parameter| !parameter.starts_with("limit="))
        .collect();
    let uri = format!("{path}?limit={page}&{}", rest.join("&"));
    let uri: Uri = uri.trim_end_matches('&').parse().unwrap();
    Request::get(uri).body(Bytes::new()).unwrap()
}

/// What a request is for.
pub fn purpose(request: &Request<Bytes>) -> Purpose {
    let path = request.uri().path();
    match *request.method() {
        Method::PATCH => {
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            match body["stop"].as_str() {
                None | Some("none") => Purpose::Start,
                Some(_) => Purpose::Stop,
            }
        }
        Method::DELETE => Purpose::Delete,
        Method::POST if path.ends_with("/validate_query") => Purpose::Validate,
        Method::POST if path.ends_with("/restart") => Purpose::Restart,
        Method::PUT => Purpose::CreateByPut,
        Method::POST => Purpose::CreateByPost,
        _ if path.ends_with("/ping") => Purpose::Ping,
        _ if path.ends_with("/jobs") => Purpose::Jobs,
        _ if path.ends_with("/checkpoints") => Purpose::Checkpoints,
        _ if path.ends_with("/errors") => Purpose::Errors,
        _ if path == "/api/v1/pipelines" => {
            let query = request.uri().query().unwrap_or_default();
            if query.contains("starting_after=") {
                Purpose::NextPage
            } else {
                Purpose::List
            }
        }
        _ => Purpose::Look,
    }
}

impl Transport for Network {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let timeout = request
            .extensions()
            .get::<Timeout>()
            .map_or(Duration::from_secs(30), |timeout| timeout.0);
        let purpose = purpose(&request);
        let (fault, mut chance) = self.draw(purpose);
        let refused = fault == Fault::Refused || fault == Fault::ServerDown && chance.percent(50);
        let sent_at = Instant::now();
        {
            let mut inner = self.world.lock();
            if fault != Fault::None {
                let text = format!("{}: {fault:?} for {purpose:?}", self.who);
                inner.note(text);
            }
            if purpose.creates() && !refused {
                inner.creates_sent.push((self.who.clone(), sent_at));
            }
            if matches!(purpose, Purpose::Start | Purpose::Restart) && !refused {
                let id = id_in(request.uri().path());
                inner.starts_sent.push((self.who.clone(), id));
            }
        }
        let mut under_way = UnderWay {
            network: self,
            purpose,
            request: Some(&request),
            chance: chance.fork(),
        };
        tokio::time::sleep(chance.millis(0, 20).min(timeout)).await;
        let until = sent_at + timeout;
        let outcome = if refused {
            Err(TransportError::new(
                Kind::Refused,
                Phase::NotSent,
                "refused",
            ))
        } else {
            self.meet(fault, purpose, &request, until, &mut chance)
                .await
        };
        under_way.request = None;
        outcome
    }
}

impl Network {
    async fn meet(
        &self,
        fault: Fault,
        purpose: Purpose,
        request: &Request<Bytes>,
        until: Instant,
        chance: &mut Chance,
    ) -> Result<Response<Bytes>, TransportError> {
        let sent_at = Instant::now();
        let effect = || self.effect(request, sent_at, false);
        match fault {
            Fault::None => Ok(effect()),
            Fault::Refused | Fault::ServerDown | Fault::LostBefore => Err(closed()),
            Fault::LostAfter => {
                effect();
                Err(closed())
            }
            Fault::CommittedLate => {
                self.commit_late(request.clone(), sent_at, chance.millis(500, 100_000));
                if chance.percent(50) {
                    return Err(closed());
                }
                timed_out(until).await
            }
            Fault::CutMidway => {
                self.effect(&without_job(request), sent_at, false);
                Err(closed())
            }
            Fault::ReplyTooLate => {
                effect();
                timed_out(until).await
            }
            Fault::SlowRequest => {
                let at = sent_at + chance.millis(100, 3_000);
                if at >= until {
                    return timed_out(until).await;
                }
                tokio::time::sleep_until(at).await;
                Ok(effect())
            }
            Fault::SlowReply => {
                let reply = effect();
                let at = sent_at + chance.millis(100, 3_000);
                if at >= until {
                    return timed_out(until).await;
                }
                tokio::time::sleep_until(at).await;
                Ok(reply)
            }
            // Nor a `PUT` on nodes of two versions: nobody could tell the answer of one from that of the other.
            Fault::Duplicated if purpose.creates() && self.world.lock().nature.mixed => {
                Ok(effect())
            }
            Fault::Duplicated => {
                let replies = [effect(), effect()];
                Ok(self.one_of(replies, purpose, chance))
            }
            Fault::Error500 | Fault::Error502 | Fault::Error503 => {
                if chance.percent(50) {
                    effect();
                }
                Ok(page(match fault {
                    Fault::Error500 => StatusCode::INTERNAL_SERVER_ERROR,
                    Fault::Error502 => StatusCode::BAD_GATEWAY,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                }))
            }
            Fault::Html => {
                if chance.percent(50) {
                    effect();
                }
                Ok(page(StatusCode::OK))
            }
            Fault::EmptyReply => Ok(effect().map(|_| Bytes::new())),
            Fault::TruncatedReply => Ok(effect().map(|body| body.slice(..body.len() / 2))),
            Fault::ServerRestart => {
                if chance.percent(50) {
                    effect();
                }
                self.world.lock().restart();
                Err(closed())
            }
            Fault::CursorDeleted => {
                self.delete_cursor(request);
                Ok(effect())
            }
            Fault::CallerGone | Fault::Signal => {
                // In the middle of it, before or after it took effect.
                let reply = chance.percent(50).then(effect);
                if fault == Fault::Signal {
                    self.world.lock().signals[self.process].notify_one();
                } else {
                    self.gone.notify_one();
                }
                tokio::time::sleep(chance.millis(1, 500)).await;
                if Instant::now() >= until {
                    return timed_out(until).await;
                }
                debug_assert!(fault.concerns(purpose));
                Ok(reply.unwrap_or_else(effect))
            }
        }
    }

    /// What comes back of a request that was sent twice.
    fn one_of(
        &self,
        [first, second]: [Response<Bytes>; 2],
        purpose: Purpose,
        chance: &mut Chance,
    ) -> Response<Bytes> {
        // Who is told that it is there already, and ends before it has looked, must not lose it.
        if purpose.creates() {
            self.world.lock().doubled.insert(self.who.clone());
            match chance.below(3) {
                0 => self.world.lock().signals[self.process].notify_one(),
                1 => self.gone.notify_one(),
                _ => {}
            }
        }
        if chance.percent(50) { first } else { second }
    }

    fn commit_late(&self, request: Request<Bytes>, sent_at: Instant, after: Duration) {
        let network = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            network.effect(&request, sent_at, true);
        });
    }

    /// The row that a page begins after goes away.
    fn delete_cursor(&self, request: &Request<Bytes>) {
        let query = request.uri().query().unwrap_or_default();
        let cursor = query
            .split('&')
            .find_map(|parameter| parameter.strip_prefix("starting_after="));
        let Some(cursor) = cursor else { return };
        let request = Request::delete(format!("/api/v1/pipelines/{cursor}"))
            .body(Bytes::new())
            .unwrap();
        let sent = Sent {
            who: "somebody",
            at: Instant::now(),
            late: false,
        };
        self.world.lock().answer(sent, &request);
    }
}

/// A request whose caller may go away: the server then has it, or not, or half of it.
struct UnderWay<'a> {
    network: &'a Network,
    purpose: Purpose,
    request: Option<&'a Request<Bytes>>,
    chance: Chance,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let Some(request) = self.request else { return };
        let network = self.network;
        if self.purpose.changes() {
            let text = format!("{}: {:?}", network.who, self.purpose);
            network.world.lock().cut.push(text);
        }
        match self.chance.below(3) {
            0 => {}
            1 if self.purpose.creates() => {
                network.effect(&without_job(request), Instant::now(), false);
            }
            _ => {
                network.effect(request, Instant::now(), false);
            }
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Network")
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

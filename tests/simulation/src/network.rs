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
    exchange::Exchange,
    fault::{Fault, Focus},
    history::id_in,
    matrix::Matrix,
    oddity::Oddity,
    purpose::Purpose,
    replies::{reply, timed_out, without_job, without_tasks},
    scenario::Scenario,
    world::{Sent, World},
};

/// So far behind a node may be.
const BEHIND: Duration = Duration::from_secs(15);

/// The way of one submitter to the server.
#[derive(Clone)]
pub struct Network {
    pub(crate) world: World,
    pub(crate) who: String,
    pub(crate) process: usize,
    chance: Arc<Mutex<Chance>>,
    /// Of a hundred requests, how many something happens to.
    trouble: u64,
    /// What is to happen once beside that.
    focus: Arc<Mutex<Option<Focus>>>,
    matrix: Matrix,
    /// What else it is answered, and how often yet.
    oddity: Arc<Mutex<Option<(Oddity, u64, Chance)>>>,
    pub(crate) gone: Arc<Notify>,
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
            oddity: Arc::default(),
            gone: Arc::default(),
        }
    }

    pub fn troubled(mut self, trouble: u64, focus: Option<Focus>, gone: &Arc<Notify>) -> Self {
        self.trouble = trouble;
        self.focus = Arc::new(Mutex::new(focus));
        self.gone = Arc::clone(gone);
        self
    }

    pub fn with_oddity(mut self, scenario: &Scenario) -> Self {
        let mut chance = scenario.chance(&self.who);
        let times = 1 + chance.below(3);
        let oddity = scenario.oddity.map(|oddity| (oddity, times, chance));
        self.oddity = Arc::new(Mutex::new(oddity));
        self
    }

    /// Whether it is answered so this time.
    fn draw_oddity(&self, purpose: Purpose, id: &str) -> Option<(Oddity, Chance)> {
        let mut drawn = self.oddity.lock().unwrap();
        let (oddity, times, chance) = drawn.as_mut()?;
        let is_new = || {
            let inner = self.world.lock();
            let life = inner.life(id);
            life.is_some_and(|life| life.made_at.elapsed() < BEHIND)
        };
        let meets = *times > 0
            && oddity.concerns(purpose)
            && chance.percent(40)
            && (*oddity != Oddity::NodeNotFound || is_new());
        meets.then(|| {
            *times -= 1;
            (*oddity, chance.fork())
        })
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
        (fault, chance.fork())
    }

    fn focused(&self, purpose: Purpose, chance: &mut Chance) -> Option<Fault> {
        let mut focus = self.focus.lock().unwrap();
        let meant = focus.is_some_and(|focus| focus.purpose == purpose) && chance.percent(85);
        meant.then(|| focus.take().unwrap().fault)
    }

    pub(crate) fn effect(
        &self,
        request: &Request<Bytes>,
        sent_at: Instant,
        late: bool,
    ) -> Response<Bytes> {
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
            let reply = inner.answer(sent, request);
            return if inner.nature.no_tasks && path.ends_with("/jobs") {
                without_tasks(reply)
            } else {
                reply
            };
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

impl Transport for Network {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let timeout = request
            .extensions()
            .get::<Timeout>()
            .map_or(Duration::from_secs(30), |timeout| timeout.0);
        let purpose = Purpose::of(&request);
        let (fault, mut chance) = self.draw(purpose);
        let refused = fault == Fault::Refused || fault == Fault::ServerDown && chance.percent(50);
        let oddity = self
            .draw_oddity(purpose, &id_in(request.uri().path()))
            .filter(|_| fault != Fault::ServerDown);
        match &oddity {
            Some((oddity, _)) => self.matrix.hit_oddity(*oddity),
            None => self.matrix.hit(purpose, fault),
        }
        let is_unsent = match &oddity {
            Some((oddity, _)) => *oddity == Oddity::UnknownHost,
            None => refused,
        };
        let sent_at = Instant::now();
        let exchange = {
            let mut inner = self.world.lock();
            if let Some((oddity, _)) = &oddity {
                let text = format!("{}: {oddity:?} for {purpose:?}", self.who);
                inner.note(text);
            } else if fault != Fault::None {
                let text = format!("{}: {fault:?} for {purpose:?}", self.who);
                inner.note(text);
            }
            if purpose.creates() && !is_unsent {
                inner.creates_sent.push((self.who.clone(), sent_at));
            }
            let exchange = Exchange::new(&self.who, purpose, &request, sent_at);
            inner.exchanges.push(exchange);
            inner.exchanges.len() - 1
        };
        let mut under_way = UnderWay {
            network: self,
            purpose,
            request: Some(&request),
            chance: chance.fork(),
        };
        tokio::time::sleep(chance.millis(0, 20).min(timeout)).await;
        let until = sent_at + timeout;
        let is_hung = self.world.lock().is_hung;
        let outcome = if is_hung {
            timed_out(until).await
        } else if let Some((oddity, mut chance)) = oddity {
            if oddity.takes_effect(&mut chance) {
                self.effect(&request, Instant::now(), false);
            }
            oddity.answer(&request, &mut chance)
        } else if refused {
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
        self.world.lock().exchanges[exchange].ended(&outcome);
        outcome
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

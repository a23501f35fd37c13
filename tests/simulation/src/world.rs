//! The server: a control plane, its controller and its workers, on tokio's clock; and what really happened there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use stepwell_control_plane::{Command, ControlPlane, Options, Record, testing::TestEnvironment};
use tokio::{sync::Notify, time::Instant};

use crate::{
    Chance,
    exchange::Exchange,
    history::{Act, Deed, Life, Moment, deeds, id_in},
    nature::Nature,
};

/// The server, shared by all that talk to it.
#[derive(Clone, Debug)]
pub struct World {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
pub struct Inner {
    pub(crate) plane: ControlPlane,
    pub(crate) environment: TestEnvironment,
    pub(crate) chance: Chance,
    pub nature: Nature,
    /// Whether final checkpoints take longer than there is time.
    pub slow_checkpoints: bool,
    /// Whether it takes requests and answers none.
    pub is_hung: bool,
    /// Of a hundred nodes, how many have no `PUT`, if they are mixed.
    pub old_nodes: u64,
    /// Until when it is down.
    down_until: Instant,
    /// What it would come back with.
    kept: BTreeMap<String, Record>,
    pub lives: Vec<Life>,
    /// Rows whose job was never made: their ids are taken.
    pub rows: BTreeSet<String>,
    pub acts: Vec<Act>,
    /// Which submissions are replacing which pipelines.
    pub replacing: Vec<(String, String)>,
    /// What submissions have asked, and what they were answered.
    pub exchanges: Vec<Exchange>,
    /// Who has sent a create, whether it arrived or not.
    pub creates_sent: Vec<(String, Instant)>,
    /// When it went down.
    pub restarted: Vec<Instant>,
    /// Whose create a proxy has sent twice.
    pub doubled: BTreeSet<String>,
    /// Requests that change something and that were cut by the caller.
    pub cut: Vec<String>,
    /// Told to end, by process.
    pub signals: Vec<Arc<Notify>>,
    /// What happened, for a failure to show.
    pub trace: Vec<String>,
}

/// A request on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub who: &'a str,
    pub at: Instant,
    pub late: bool,
}

impl World {
    /// A server, and its controller at work.
    pub fn start(nature: Nature, mut chance: Chance) -> Self {
        let now = Instant::now();
        let inner = Inner {
            plane: ControlPlane::new(options(nature)),
            environment: TestEnvironment::on_tokio_clock(),
            chance: chance.fork(),
            nature,
            slow_checkpoints: false,
            is_hung: false,
            old_nodes: 50,
            down_until: now,
            kept: BTreeMap::new(),
            lives: Vec::new(),
            rows: BTreeSet::new(),
            acts: Vec::new(),
            replacing: Vec::new(),
            exchanges: Vec::new(),
            creates_sent: Vec::new(),
            restarted: Vec::new(),
            doubled: BTreeSet::new(),
            cut: Vec::new(),
            signals: Vec::new(),
            trace: Vec::new(),
        };
        let world = Self {
            inner: Arc::new(Mutex::new(inner)),
        };
        tokio::spawn(world.clone().control());
        world
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    async fn control(self) {
        loop {
            let pause = {
                let mut inner = self.lock();
                let tick = inner.nature.tick;
                inner.chance.millis(tick / 2, tick)
            };
            tokio::time::sleep(pause).await;
            {
                let mut inner = self.lock();
                if !inner.is_down() && inner.nature.restarts && inner.chance.percent(2) {
                    inner.restart();
                }
            }
            self.look();
        }
    }

    /// The controller looks, and the workers do what follows from it.
    pub(crate) fn look(&self) {
        let commands = {
            let mut inner = self.lock();
            if inner.is_down() {
                return;
            }
            inner.tick()
        };
        for (command, pause) in commands {
            tokio::spawn(self.clone().work(command, pause));
        }
    }
}

fn options(nature: Nature) -> Options {
    let mut options = Options::default();
    options.generation = nature.generation;
    options.created_at_resolution = nature.resolution;
    if nature.fails_again {
        options.failing_pause = Duration::ZERO;
        options.allowed_restarts = 1;
    }
    if nature.blinks {
        options.recovering_pause = Duration::ZERO;
    }
    options
}

impl Inner {
    pub fn is_down(&self) -> bool {
        Instant::now() < self.down_until
    }

    pub fn note(&mut self, text: impl Into<String>) {
        let at = self.environment.elapsed().as_secs_f64();
        self.trace.push(format!("{at:8.3} {}", text.into()));
    }

    pub fn restart(&mut self) {
        let down = self.chance.millis(200, 4_000);
        self.go_down(down);
    }

    pub fn go_down(&mut self, down: Duration) {
        self.note(format!("server restarts, down for {down:?}"));
        self.restarted.push(Instant::now());
        self.down_until = Instant::now() + down;
        let records = self.kept.values().cloned().collect();
        self.plane = ControlPlane::restore(options(self.nature), records);
    }

    fn tick(&mut self) -> Vec<(Command, Duration)> {
        let commands = self.plane.tick(&mut self.environment);
        self.keep("");
        commands
            .into_iter()
            .map(|command| (command, self.chance.millis(20, 400)))
            .collect()
    }

    /// Takes over what has changed, in the name of `who`.
    pub(crate) fn keep(&mut self, who: &str) {
        let changes = self.plane.take_changes();
        let now = Instant::now();
        for id in changes.deleted {
            self.kept.remove(id.as_str());
            self.rows.remove(id.as_str());
            self.note(format!("{id} is deleted"));
            if let Some(life) = self
                .lives
                .iter_mut()
                .rev()
                .find(|life| life.id == *id.as_str())
            {
                life.deleted_at = Some(now);
            }
        }
        for record in changes.upserts {
            let id = record.id().to_string();
            let final_checkpoints: Vec<u64> = record.final_checkpoints().collect();
            self.kept.insert(id.clone(), record);
            let Some(job) = self.shown(&id) else {
                self.rows.insert(id);
                continue;
            };
            if self.life(&id).is_none_or(|life| life.deleted_at.is_some()) {
                self.begin_life(&id, who, now);
            }
            let moment = Moment {
                at: now,
                run_id: job["run_id"].as_u64().unwrap(),
                state: job["state"].as_str().unwrap().to_owned(),
                desired: job["running_desired"].as_bool().unwrap(),
            };
            self.add(&id, moment, &final_checkpoints);
        }
    }

    fn begin_life(&mut self, id: &str, who: &str, now: Instant) {
        let pipeline = self.get(&format!("/api/v1/pipelines/{id}")).unwrap();
        self.lives.push(Life {
            id: id.to_owned(),
            name: pipeline["name"].as_str().unwrap().to_owned(),
            query: pipeline["query"].as_str().unwrap().to_owned(),
            made_by: who.to_owned(),
            made_at: now,
            shown_at: now + self.nature.lag,
            moments: Vec::new(),
            final_checkpoints: Vec::new(),
            deleted_at: None,
        });
    }

    fn add(&mut self, id: &str, moment: Moment, final_checkpoints: &[u64]) {
        let mut lives = self.lives.iter_mut().rev();
        let life = lives.find(|life| life.id == id).unwrap();
        life.note_final_checkpoints(moment.run_id, final_checkpoints);
        let is_new = life.moments.last().is_none_or(|last| {
            (last.run_id, &last.state, last.desired)
                != (moment.run_id, &moment.state, moment.desired)
        });
        if is_new {
            let told = if moment.desired { "" } else { ", told to stop" };
            let text = format!("{id} is {} in run {}{told}", moment.state, moment.run_id);
            life.moments.push(moment);
            self.note(text);
        }
    }

    /// Whether readers do not see this pipeline yet.
    pub fn is_hidden(&self, id: &str) -> bool {
        self.life(id)
            .is_some_and(|life| Instant::now() < life.shown_at)
    }

    /// Answers a request.
    pub fn answer(&mut self, sent: Sent<'_>, request: &Request<Bytes>) -> Response<Bytes> {
        let who = sent.who;
        if *request.method() == Method::PUT
            && self.nature.mixed
            && self.chance.percent(self.old_nodes)
        {
            self.note(format!("{who}: an old node has no PUT"));
            let mut reply = Response::new(Bytes::new());
            *reply.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            return reply;
        }
        let known: BTreeSet<String> = self.kept.keys().cloned().collect();
        let target = id_in(request.uri().path());
        let before = self
            .life(&target)
            .and_then(|life| life.moments.last().cloned());
        let reply = self.plane.handle(&mut self.environment, request);
        self.keep(who);
        self.note(format!(
            "{who}: {} {} -> {}{}",
            request.method(),
            request.uri().path_and_query().unwrap(),
            reply.status().as_u16(),
            if sent.late { ", late" } else { "" },
        ));
        if reply.status().is_success() {
            for deed in deeds(request) {
                let id = match deed {
                    Deed::Create => {
                        let new = self.kept.keys().find(|id| !known.contains(*id));
                        new.cloned().unwrap_or_default()
                    }
                    _ => target.clone(),
                };
                self.acts.push(Act {
                    at: Instant::now(),
                    sent_at: sent.at,
                    who: who.to_owned(),
                    deed,
                    id,
                    late: sent.late,
                    before: before.clone(),
                    puts_back: matches!(deed, Deed::Start | Deed::Restart)
                        && self
                            .replacing
                            .iter()
                            .any(|(by, old)| by == who && *old == target),
                });
            }
        }
        reply
    }

    fn get(&mut self, path: &str) -> Option<serde_json::Value> {
        let request = Request::get(path).body(Bytes::new()).unwrap();
        let reply = self.plane.handle(&mut self.environment, &request);
        let found = reply.status().is_success();
        found.then(|| serde_json::from_slice(reply.body()).unwrap())
    }

    /// The job of a pipeline.
    pub(crate) fn shown(&mut self, id: &str) -> Option<serde_json::Value> {
        let mut body = self.get(&format!("/api/v1/pipelines/{id}/jobs"))?;
        Some(body["data"].get_mut(0)?.take())
    }
}

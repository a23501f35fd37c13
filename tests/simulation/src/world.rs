//! The server: a control plane, its controller and its workers, on tokio's clock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use stepwell::arroyo::{ErrorDomain, JobId, PipelineGraph, PipelineNode, Udf};
use stepwell_control_plane::{
    Command, ControlPlane, Environment, Options, Plan, PlanFailure, Record, WorkerEvent,
};
use tokio::time::Instant;

use faults::chance::Chance;

/// How the server of one run behaves.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a scenario makes it up")]
pub struct Nature {
    /// Whether it has `PUT`; with `mixed` only some of its nodes have.
    pub put: bool,
    pub mixed: bool,
    /// How long the controller takes between two looks, in milliseconds.
    pub tick: u64,
    /// Whether it is restarted now and then.
    pub restarts: bool,
}

/// The server, shared by all that talk to it.
#[derive(Clone, Debug)]
pub struct World {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
pub struct Inner {
    plane: ControlPlane,
    outside: Outside,
    chance: Chance,
    nature: Nature,
    /// Until when it is down.
    down_until: Instant,
    /// What it would come back with.
    kept: BTreeMap<String, Record>,
    /// Who has made which pipeline.
    pub made: Vec<(String, String)>,
    /// Paths of changes that came through long after their sender had given them up. Nobody can keep such a one from starting again
    /// what was stopped meanwhile.
    pub late: Vec<String>,
    /// What happened, for a failure to show.
    pub trace: Vec<String>,
}

#[derive(Debug)]
struct Outside {
    started: Instant,
    ids: u64,
}

impl Environment for Outside {
    fn now(&self) -> u64 {
        1_795_574_859_000_000 + u64::try_from(self.started.elapsed().as_micros()).unwrap()
    }

    fn new_id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}{}", self.ids)
    }

    fn plan(&mut self, _query: &str, _udfs: &[Udf], parallelism: u32) -> Result<Plan, PlanFailure> {
        let node = PipelineNode::new(0, "impulse", "Impulse", parallelism);
        Ok(Plan::new(PipelineGraph::new(vec![node], Vec::new())))
    }
}

impl World {
    /// A server, and its controller at work.
    pub fn start(nature: Nature, mut chance: Chance) -> Self {
        let now = Instant::now();
        let inner = Inner {
            plane: ControlPlane::new(options(nature)),
            outside: Outside {
                started: now,
                ids: 0,
            },
            chance: chance.fork(),
            nature,
            down_until: now,
            kept: BTreeMap::new(),
            made: Vec::new(),
            late: Vec::new(),
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
            let commands = {
                let mut inner = self.lock();
                if inner.is_down() {
                    continue;
                }
                if inner.nature.restarts && inner.chance.percent(2) {
                    inner.restart();
                    continue;
                }
                inner.tick()
            };
            for (command, pause) in commands {
                tokio::spawn(self.clone().work(command, pause));
            }
        }
    }

    /// A worker does what it was told, after a while.
    async fn work(self, command: Command, pause: Duration) {
        tokio::time::sleep(pause).await;
        match command {
            Command::Start {
                job,
                run_id,
                parallelism,
                ..
            } => {
                self.tell(WorkerEvent::Started {
                    job,
                    run_id,
                    tasks: u64::from(parallelism) * 3,
                });
            }
            Command::Checkpoint {
                job,
                run_id,
                epoch,
                stopping,
            } => {
                self.tell(WorkerEvent::CheckpointStored {
                    job: job.clone(),
                    run_id,
                    epoch,
                });
                if stopping {
                    self.tell(WorkerEvent::Stopped { job, run_id });
                }
            }
            Command::Stop { job, run_id, .. } => self.tell(WorkerEvent::Stopped { job, run_id }),
            _ => {}
        }
    }

    fn tell(&self, event: WorkerEvent) {
        let inner = &mut *self.lock();
        inner.plane.notify(&mut inner.outside, event);
        inner.keep();
    }

    /// The current run of a pipeline fails; `false`: it has none.
    pub fn fail(&self, id: &str) -> bool {
        let Some((job, run_id)) = self.lock().run(id) else {
            return false;
        };
        let error = "out of luck".to_owned();
        self.tell(WorkerEvent::Failed {
            job,
            run_id,
            error,
            domain: ErrorDomain::User,
            retryable: false,
        });
        true
    }

    /// Whether anybody's pipeline with this id may be running, or come to run.
    pub fn is_alive(&self, id: &str) -> bool {
        let job = self.lock().job(id);
        job.is_some_and(|(state, desired)| match state.as_str() {
            "Stopped" => desired,
            "Finished" | "Failed" => false,
            _ => true,
        })
    }
}

fn options(nature: Nature) -> Options {
    let mut options = Options::default();
    options.put = nature.put;
    options
}

impl Inner {
    pub fn is_down(&self) -> bool {
        Instant::now() < self.down_until
    }

    pub fn nature(&self) -> Nature {
        self.nature
    }

    pub fn note(&mut self, text: impl Into<String>) {
        let at = self.outside.started.elapsed().as_secs_f64();
        self.trace.push(format!("{at:8.3} {}", text.into()));
    }

    fn restart(&mut self) {
        let down = self.chance.millis(200, 4_000);
        self.note(format!("server restarts, down for {down:?}"));
        self.down_until = Instant::now() + down;
        let records = self.kept.values().cloned().collect();
        self.plane = ControlPlane::restore(options(self.nature), records);
    }

    fn tick(&mut self) -> Vec<(Command, Duration)> {
        let commands = self.plane.tick(&mut self.outside);
        self.keep();
        commands
            .into_iter()
            .map(|command| (command, self.chance.millis(20, 400)))
            .collect()
    }

    fn keep(&mut self) {
        let changes = self.plane.take_changes();
        for record in changes.upserts {
            self.kept.insert(record.id().to_string(), record);
        }
        for id in changes.deleted {
            self.kept.remove(id.as_str());
        }
    }

    /// Answers a request, in the name of `who`.
    pub fn answer(&mut self, who: &str, request: &Request<Bytes>) -> Response<Bytes> {
        if *request.method() == Method::PUT && self.nature.mixed && self.chance.percent(50) {
            let mut reply = Response::new(Bytes::new());
            *reply.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            return reply;
        }
        let before: Vec<String> = self.kept.keys().cloned().collect();
        let reply = self.plane.handle(&mut self.outside, request);
        self.keep();
        let new: Vec<String> = self
            .kept
            .keys()
            .filter(|id| !before.contains(id))
            .cloned()
            .collect();
        for id in new {
            // A row without a job is no pipeline.
            if self.job(&id).is_some() {
                self.made.push((who.to_owned(), id));
            }
        }
        self.note(format!(
            "{who}: {} {} -> {}",
            request.method(),
            request.uri().path(),
            reply.status().as_u16()
        ));
        reply
    }

    fn shown(&mut self, id: &str) -> Option<serde_json::Value> {
        let request = Request::get(format!("/api/v1/pipelines/{id}/jobs"))
            .body(Bytes::new())
            .unwrap();
        let reply = self.plane.handle(&mut self.outside, &request);
        let mut body: serde_json::Value = serde_json::from_slice(reply.body()).ok()?;
        Some(body["data"].get_mut(0)?.take())
    }

    fn run(&mut self, id: &str) -> Option<(JobId, u64)> {
        let job = self.shown(id)?;
        Some((
            JobId::from_server(job["id"].as_str()?),
            job["run_id"].as_u64()?,
        ))
    }

    /// The state of a pipeline's job and whether it is meant to run.
    pub fn job(&mut self, id: &str) -> Option<(String, bool)> {
        let job = self.shown(id)?;
        Some((
            job["state"].as_str()?.to_owned(),
            job["running_desired"].as_bool()?,
        ))
    }
}

//! The state of a test server. Nothing runs in the background: each use first processes, in order, everything that has become due since the
//! last one.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use stepwell_arroyo::{JobId, JobState, PipelineId, StopMode};
use tokio::time::Instant;

use super::{Chance, TestEnvironment, Workers};
use crate::{
    Command, ControlPlane, Generation, Options, Record, Scheduler, WorkerEvent, endpoint,
    record::JobRecord,
};

/// How long 0.15 takes to start another run with workers as processes: it does not wait for the next tick.
const TEARING_DOWN: Duration = Duration::from_millis(15);

#[derive(Debug)]
pub(super) struct State {
    options: Options,
    plane: ControlPlane,
    pub(super) environment: TestEnvironment,
    /// When the server was first used. The clock starts only then, so that a server can be created outside a runtime.
    began: Option<Instant>,
    pace: Pace,
    due: BTreeMap<(Duration, u64), Due>,
    /// How many events have been scheduled so far. Events that are due at the same time run in this order.
    scheduled: u64,
    workers: Workers,
    workers_for: Vec<(String, Workers)>,
    queries: BTreeMap<JobId, String>,
    down_until: Duration,
    pub(super) restarts: usize,
    pub(super) refuses_connections: bool,
    lost_replies: Vec<(Method, String)>,
    requests: HashMap<(Method, String), usize>,
}

/// The pace of the server.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) tick: Duration,
    pub(super) latency: Duration,
    pub(super) chance: Option<Chance>,
}

#[derive(Debug)]
enum Due {
    Tick,
    /// An extra tick, outside the regular ones.
    Look,
    Event(WorkerEvent),
}

impl State {
    pub(super) fn new(
        options: Options,
        environment: TestEnvironment,
        pace: Pace,
        workers: Workers,
    ) -> Self {
        let mut state = Self {
            plane: ControlPlane::new(options.clone()),
            options,
            environment,
            began: None,
            pace,
            due: BTreeMap::new(),
            scheduled: 0,
            workers,
            workers_for: Vec::new(),
            queries: BTreeMap::new(),
            down_until: Duration::ZERO,
            restarts: 0,
            refuses_connections: false,
            lost_replies: Vec::new(),
            requests: HashMap::new(),
        };
        state.schedule_tick(Duration::ZERO);
        state
    }

    /// Processes everything that has become due since the last use.
    pub(super) fn catch_up(&mut self) {
        let began = *self.began.get_or_insert_with(Instant::now);
        let now = began.elapsed();
        while let Some(first) = self.due.first_entry().filter(|first| first.key().0 <= now) {
            let ((at, _), due) = first.remove_entry();
            self.environment.advance_to(at);
            match due {
                Due::Tick => {
                    self.look();
                    self.schedule_tick(at);
                }
                Due::Look => self.look(),
                Due::Event(event) => self.tell(event),
            }
        }
        self.environment.advance_to(now);
    }

    fn look(&mut self) {
        for command in self.plane.tick(&mut self.environment) {
            let workers = self.workers_of(&command).clone();
            let mut at = self.environment.elapsed();
            for (pause, event) in workers.answer(command) {
                at += self.pace.pause(pause);
                self.schedule(at, Due::Event(event));
            }
        }
    }

    /// The workers that carry out a command, selected by the query of the job.
    fn workers_of(&mut self, command: &Command) -> &Workers {
        let job = match command {
            Command::Start { job, query, .. } => {
                self.queries.insert(job.clone(), query.clone());
                job
            }
            Command::Checkpoint { job, .. } | Command::Stop { job, .. } => job,
            Command::Forget { job } => {
                self.queries.remove(job);
                return &self.workers;
            }
        };
        let query = self.queries.get(job).map_or("", String::as_str);
        let mut newest_first = self.workers_for.iter().rev();
        let found = newest_first.find(|(fragment, _)| query.contains(fragment.as_str()));
        found.map_or(&self.workers, |(_, workers)| workers)
    }

    pub(super) fn set_workers(&mut self, fragment: String, workers: Workers) {
        self.workers_for.push((fragment, workers));
    }

    pub(super) fn tell(&mut self, event: WorkerEvent) {
        let fails = matches!(event, WorkerEvent::Failed { .. });
        self.plane.notify(&mut self.environment, event);
        if fails && self.options.generation == Generation::V0_15(Scheduler::Process) {
            let at = self.environment.elapsed() + TEARING_DOWN;
            self.schedule(at, Due::Look);
        }
    }

    fn schedule_tick(&mut self, from: Duration) {
        let at = from + self.pace.pause(self.pace.tick);
        self.schedule(at, Due::Tick);
    }

    fn schedule(&mut self, at: Duration, due: Due) {
        self.scheduled += 1;
        self.due.insert((at, self.scheduled), due);
    }

    /// Takes the server down, together with what is in progress, and restarts it after this time with its stored records.
    pub(super) fn restart(&mut self, down: Duration) {
        self.restarts += 1;
        self.due.clear();
        let records = self.plane.records().cloned().collect();
        self.plane = ControlPlane::restore(self.options.clone(), records);
        self.down_until = self.environment.elapsed() + down;
        self.schedule_tick(self.down_until);
    }

    pub(super) fn is_reachable(&self) -> bool {
        !self.refuses_connections && self.environment.elapsed() >= self.down_until
    }

    /// How long a request and its reply take on the network.
    pub(super) fn ways(&mut self) -> [Duration; 2] {
        let half = self.pace.latency / 2;
        [self.pace.pause(half), self.pace.pause(half)]
    }

    /// Handles a request of a client. Returns the reply, and whether it is lost on the way back.
    pub(super) fn receive(&mut self, request: &Request<Bytes>) -> (Response<Bytes>, bool) {
        let (method, path) = (request.method(), request.uri().path());
        let counted = (method.clone(), path.to_owned());
        *self.requests.entry(counted).or_default() += 1;
        let lost = self
            .lost_replies
            .iter()
            .position(|(lost, fragment)| lost == method && path.contains(fragment.as_str()));
        if let Some(index) = lost {
            self.lost_replies.remove(index);
        }
        let reply = self.plane.handle(&mut self.environment, request);
        (reply, lost.is_some())
    }

    /// Another client stops a pipeline.
    pub(super) fn stop(&mut self, id: &PipelineId, mode: &StopMode) -> Response<Bytes> {
        let patch = serde_json::json!({ "stop": mode }).to_string();
        let mut request = Request::new(Bytes::from(patch));
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        endpoint::patch(&mut self.plane, &request, id)
    }

    /// Another client deletes a pipeline.
    pub(super) fn delete(&mut self, id: &PipelineId) -> Response<Bytes> {
        endpoint::delete(&mut self.plane, id)
    }

    pub(super) fn lose_reply(&mut self, method: Method, fragment: String) {
        self.lost_replies.push((method, fragment));
    }

    pub(super) fn count(&self, method: &Method, fragment: &str) -> usize {
        let requests = self.requests.iter();
        let matching = requests
            .filter(|((counted, path), _)| counted == method && path.contains(fragment))
            .map(|(_, count)| count);
        matching.sum()
    }

    /// All records, in order of creation.
    pub(super) fn records(&self) -> Vec<&Record> {
        let mut records: Vec<&Record> = self.plane.records().collect();
        records.sort_by_key(|record| record.sequence);
        records
    }

    /// The run that workers are carrying out.
    ///
    /// # Errors
    ///
    /// Returns a message that says why there is none.
    pub(super) fn run(&self, id: &PipelineId) -> Result<(JobId, u64), String> {
        let mut records = self.plane.records();
        let record = records.find(|record| record.id() == id);
        let job = record.and_then(|record| record.job.as_ref());
        match job {
            None => Err(format!("the server has no pipeline {id}")),
            Some(job) if !has_run(job) => Err(format!(
                "pipeline {id} has no run at present: it is {}",
                job.state()
            )),
            Some(job) => Ok((job.shown.id.clone(), job.shown.run_id)),
        }
    }
}

fn has_run(job: &JobRecord) -> bool {
    let ended = [
        JobState::Stopped,
        JobState::Finished,
        JobState::Failing,
        JobState::Failed,
    ];
    job.has_worker && !ended.contains(job.state())
}

impl Pace {
    /// With a seed, draws between half of the pause and all of it.
    fn pause(&mut self, pause: Duration) -> Duration {
        let Some(chance) = &mut self.chance else {
            return pause;
        };
        let half = pause / 2;
        let micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        half + Duration::from_micros(chance.below(micros.saturating_add(1)))
    }
}

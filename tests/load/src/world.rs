//! What is on the server, and what has become of it.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::Value;
use stepwell::arroyo::{PipelineGraph, PipelineNode, Udf};
use stepwell_control_plane::{
    Command, ControlPlane, Environment, Options, Plan, PlanFailure, WorkerEvent,
};

/// One run of so many stays in Scheduling: there is always something that a shutdown finds on its way.
const SLOW: usize = 10;

/// A control plane, its workers, and counts.
#[derive(Debug)]
pub struct World {
    plane: ControlPlane,
    outside: Outside,
    starts: usize,
    counts: Counts,
}

/// What the server has seen.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// All requests.
    pub requests: usize,
    /// Requests by method.
    pub by_method: BTreeMap<String, usize>,
    /// The ids of all the pipelines that were ever made, by query.
    pub made: BTreeMap<String, Vec<String>>,
    /// Open connections.
    pub open: usize,
    /// The most connections that were open at the same time.
    pub peak: usize,
    /// All connections that were ever opened.
    pub accepted: usize,
}

/// A pipeline as the server shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub id: String,
    pub state: String,
    pub desired: bool,
}

#[derive(Debug, Default)]
struct Outside {
    ids: u64,
}

impl Environment for Outside {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_micros()).unwrap()
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
    pub(crate) fn new(options: Options) -> Self {
        Self {
            plane: ControlPlane::new(options),
            outside: Outside::default(),
            starts: 0,
            counts: Counts::default(),
        }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn answer(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        self.counts.requests += 1;
        let method = request.method().to_string();
        *self.counts.by_method.entry(method).or_default() += 1;
        let reply = self.plane.handle(&mut self.outside, request);
        let path = request.uri().path();
        let creates = *request.method() == Method::PUT
            || *request.method() == Method::POST && path == "/api/v1/pipelines";
        if creates && reply.status().is_success() {
            let pipeline: Value = serde_json::from_slice(reply.body()).unwrap();
            let made = &mut self.counts.made;
            made.entry(text(&pipeline["query"]))
                .or_default()
                .push(text(&pipeline["id"]));
        }
        reply
    }

    pub(crate) fn opened(&mut self) {
        let counts = &mut self.counts;
        counts.accepted += 1;
        counts.open += 1;
        counts.peak = counts.peak.max(counts.open);
    }

    pub(crate) fn closed(&mut self) {
        self.counts.open -= 1;
    }

    /// The controller looks, and the workers do what they are told.
    pub(crate) fn tick(&mut self) {
        for command in self.plane.tick(&mut self.outside) {
            match command {
                Command::Start { job, run_id, .. } => {
                    self.starts += 1;
                    if !self.starts.is_multiple_of(SLOW) {
                        let tasks = 1;
                        self.tell(WorkerEvent::Started { job, run_id, tasks });
                    }
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
                Command::Stop { job, run_id, .. } => {
                    self.tell(WorkerEvent::Stopped { job, run_id });
                }
                _ => {}
            }
        }
        // Nobody keeps them here.
        let _ = self.plane.take_changes();
    }

    fn tell(&mut self, event: WorkerEvent) {
        self.plane.notify(&mut self.outside, event);
    }

    /// Every pipeline that was ever made, with its job as it is now.
    pub fn shown(&mut self) -> Vec<Shown> {
        let ids: Vec<String> = self.counts.made.values().flatten().cloned().collect();
        let mut shown = Vec::new();
        for id in ids {
            let path = format!("/api/v1/pipelines/{id}/jobs");
            let request = Request::get(path).body(Bytes::new()).unwrap();
            let reply = self.plane.handle(&mut self.outside, &request);
            let body: Value = serde_json::from_slice(reply.body()).unwrap();
            let job = &body["data"][0];
            shown.push(Shown {
                state: text(&job["state"]),
                desired: job["running_desired"].as_bool().unwrap(),
                id,
            });
        }
        shown
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

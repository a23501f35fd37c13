use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Request, Response};
use stepwell_arroyo::{JobId, PipelineId};

use crate::{
    Command, Environment, Options, Record, WorkerEvent, controller, record::JobRecord, route,
    worker,
};

/// The pipelines of a server and the state of their jobs.
#[derive(Debug)]
pub struct ControlPlane {
    pub(crate) options: Options,
    pub(crate) records: BTreeMap<PipelineId, Record>,
    pub(crate) next_sequence: u64,
    jobs: BTreeMap<JobId, PipelineId>,
    changed: BTreeSet<PipelineId>,
    deleted: BTreeSet<PipelineId>,
    forgotten: Vec<Command>,
}

/// The changes to store since they were last taken.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// Records that are new or have changed.
    pub upserts: Vec<Record>,
    /// Pipelines that were deleted.
    pub deleted: Vec<PipelineId>,
}

impl ControlPlane {
    /// Creates a server without pipelines.
    pub fn new(options: Options) -> Self {
        Self::restore(options, Vec::new())
    }

    /// Creates a server that was restarted with these records. No worker has survived: the next [`tick`](Self::tick) starts a new run of
    /// each pipeline that was running.
    pub fn restore(options: Options, records: Vec<Record>) -> Self {
        let mut plane = Self {
            options,
            next_sequence: records
                .iter()
                .map(|record| record.sequence + 1)
                .max()
                .unwrap_or(0),
            records: BTreeMap::new(),
            jobs: BTreeMap::new(),
            changed: BTreeSet::new(),
            deleted: BTreeSet::new(),
            forgotten: Vec::new(),
        };
        for mut record in records {
            if let Some(job) = &mut record.job {
                job.has_worker = false;
            }
            plane.insert(record);
        }
        plane.changed.clear();
        plane
    }

    /// All records, sorted by id.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// Answers a request of the REST API.
    pub fn handle(
        &mut self,
        environment: &mut dyn Environment,
        request: &Request<Bytes>,
    ) -> Response<Bytes> {
        route::answer(self, environment, request)
    }

    /// Runs the controller's regular tick, which comes every 0.5 s on a real server. Each job moves on by at most one state.
    pub fn tick(&mut self, environment: &mut dyn Environment) -> Vec<Command> {
        self.tick_those(environment, |_| true)
    }

    /// As [`tick`](Self::tick), but only for jobs that are told to stop. Nothing is started.
    pub fn tick_stops(&mut self, environment: &mut dyn Environment) -> Vec<Command> {
        self.tick_those(environment, |record| !record.is_told_to_run())
    }

    fn tick_those(
        &mut self,
        environment: &mut dyn Environment,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Vec<Command> {
        let now = environment.now();
        let mut commands = std::mem::take(&mut self.forgotten);
        for (id, record) in &mut self.records {
            // Most jobs on a server have ended long ago and need no tick.
            if record.is_at_rest() || !is_meant(record) {
                continue;
            }
            let before = record.job.as_ref().map(JobRecord::without_history);
            controller::look(record, now, &self.options, &mut commands);
            if record.job.as_ref().map(JobRecord::without_history) != before {
                self.changed.insert(id.clone());
            }
        }
        commands
    }

    /// Applies a report of a worker. Events of a run that has ended are ignored.
    pub fn notify(&mut self, environment: &mut dyn Environment, event: WorkerEvent) {
        let (job_id, run_id) = event.run();
        let Some(id) = self.jobs.get(job_id).cloned() else {
            return;
        };
        let Some(job) = self
            .records
            .get_mut(&id)
            .and_then(|record| record.job.as_mut())
        else {
            return;
        };
        if job.shown.run_id == run_id && job.has_worker {
            worker::take_in(job, event, environment, &self.options);
            self.changed.insert(id);
        }
    }

    /// Returns what has changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let changed = std::mem::take(&mut self.changed);
        Changes {
            upserts: changed
                .iter()
                .filter_map(|id| self.records.get(id))
                .cloned()
                .collect(),
            deleted: std::mem::take(&mut self.deleted).into_iter().collect(),
        }
    }

    pub(crate) fn insert(&mut self, record: Record) {
        let id = record.pipeline.id.clone();
        if let Some(job) = &record.job {
            self.jobs.insert(job.shown.id.clone(), id.clone());
        }
        self.deleted.remove(&id);
        self.changed.insert(id.clone());
        self.records.insert(id, record);
    }

    pub(crate) fn remove(&mut self, id: &PipelineId) {
        if let Some(Record { job: Some(job), .. }) = self.records.remove(id) {
            self.jobs.remove(&job.shown.id);
            self.forgotten.push(Command::Forget { job: job.shown.id });
        }
        self.changed.remove(id);
        self.deleted.insert(id.clone());
    }

    /// Returns a record to be changed.
    pub(crate) fn change(&mut self, id: &PipelineId) -> Option<&mut Record> {
        let record = self.records.get_mut(id)?;
        self.changed.insert(id.clone());
        Some(record)
    }
}

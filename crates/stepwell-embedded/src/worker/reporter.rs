//! What a run reports to the controller.

use std::thread;

use stepwell_arroyo::{ErrorDomain, JobId};
use stepwell_control_plane::WorkerEvent;

use crate::controller::Controller;
use crate::run::{Dropped, ExecutionError};
use crate::store::NewCheckpoint;

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Finished,
    Stopped,
    /// Nothing can control the run any more, and nothing is reported.
    Abandoned,
}

/// Reports the events of one run. If the run panics, dropping this reports that.
#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) controller: Controller,
    pub(super) job: JobId,
    pub(super) run_id: u64,
}

impl Reporter {
    pub(super) fn started(&self, tasks: u64) {
        let (job, run_id) = self.run();
        self.controller
            .notify(WorkerEvent::Started { job, run_id, tasks });
    }

    pub(super) fn dropped(&self, dropped: Dropped) {
        let (job, run_id) = self.run();
        let Dropped {
            operator,
            rows,
            error,
        } = dropped;
        self.controller.notify(WorkerEvent::DataDropped {
            job,
            run_id,
            operator,
            rows,
            error,
        });
    }

    /// Warns the user; the job's log is for failures and dropped rows.
    pub(super) fn warn(&self, text: &str) {
        tracing::warn!(job = self.job.as_str(), "{text}");
    }

    pub(super) fn checkpoint(&self, epoch: u64, state: Vec<Vec<u8>>) {
        let (job, run_id) = self.run();
        let checkpoint = NewCheckpoint {
            job: job.as_str().to_owned(),
            epoch,
            state,
        };
        let event = WorkerEvent::CheckpointStored { job, run_id, epoch };
        self.controller.notify_checkpoint(event, checkpoint);
    }

    pub(super) fn ended(&self, end: End) {
        let (job, run_id) = self.run();
        self.controller.notify(match end {
            End::Finished => WorkerEvent::Finished { job, run_id },
            End::Stopped => WorkerEvent::Stopped { job, run_id },
            End::Abandoned => return,
        });
    }

    pub(super) fn failed(&self, failure: ExecutionError) {
        let ExecutionError {
            error,
            domain,
            retryable,
            ..
        } = failure;
        self.notify_failed(error, domain, retryable);
    }

    fn notify_failed(&self, error: String, domain: ErrorDomain, retryable: bool) {
        let (job, run_id) = self.run();
        self.controller.notify(WorkerEvent::Failed {
            job,
            run_id,
            error,
            domain,
            retryable,
        });
    }

    fn run(&self) -> (JobId, u64) {
        (self.job.clone(), self.run_id)
    }
}

impl Drop for Reporter {
    /// A value can trigger a fault in a SQL function, and a job that no longer runs must not stay Running.
    fn drop(&mut self) {
        if thread::panicking() {
            self.notify_failed(
                "the embedded engine has a fault that this query or its data show".to_owned(),
                ErrorDomain::Internal,
                false,
            );
        }
    }
}

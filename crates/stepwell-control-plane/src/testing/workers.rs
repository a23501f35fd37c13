//! Workers: how they answer the commands of a control plane.

use std::time::Duration;

use stepwell_arroyo::{ErrorDomain, JobId};

use crate::{Command, WorkerEvent};

/// The number of operators of each pipeline: a source, one in the middle, a sink.
pub(crate) const OPERATORS: u32 = 3;

/// How workers carry out the commands of a control plane: how long they take, and whether a run fails, finishes or hangs.
///
/// A run ends only when it is stopped, unless [`with_end`](Self::with_end) says otherwise.
///
/// ```
/// use std::time::Duration;
/// use stepwell_control_plane::testing::{Failure, RunEnd, Server, Workers};
///
/// // Every run fails three seconds after it has started.
/// let workers = Workers::new()
///     .with_start(Duration::from_millis(300))
///     .with_end(RunEnd::Failed {
///         after: Duration::from_secs(3),
///         failure: Failure::new("no such topic"),
///     });
/// let server = Server::builder().workers(workers).build();
/// # drop(server);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    start: Duration,
    checkpoint: Duration,
    stop: Duration,
    never_start: bool,
    hang_in_final_checkpoint: bool,
    end: Option<RunEnd>,
}

/// How a run ends on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunEnd {
    /// Its sources end.
    Finished {
        /// How long after the start.
        after: Duration,
    },
    /// It fails.
    Failed {
        /// How long after the start.
        after: Duration,
        /// The error.
        failure: Failure,
    },
}

/// Why a run fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    error: String,
    domain: ErrorDomain,
    retryable: bool,
}

impl Workers {
    /// Creates workers that carry out every command at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long a run takes to start. The job is Scheduling until then.
    #[must_use]
    pub fn with_start(mut self, start: Duration) -> Self {
        self.start = start;
        self
    }

    /// Sets how long a checkpoint takes.
    #[must_use]
    pub fn with_checkpoint(mut self, checkpoint: Duration) -> Self {
        self.checkpoint = checkpoint;
        self
    }

    /// Sets how long a stopped run takes to end, after its final checkpoint if it takes one.
    #[must_use]
    pub fn with_stop(mut self, stop: Duration) -> Self {
        self.stop = stop;
        self
    }

    /// Sets how a run ends on its own.
    #[must_use]
    pub fn with_end(mut self, end: RunEnd) -> Self {
        self.end = Some(end);
        self
    }

    /// Makes every start hang: a job stays in Scheduling until it is stopped.
    #[must_use]
    pub fn never_start(mut self) -> Self {
        self.never_start = true;
        self
    }

    /// Makes every final checkpoint hang: a job stays in `CheckpointStopping` until it is stopped without one.
    #[must_use]
    pub fn hang_in_final_checkpoint(mut self) -> Self {
        self.hang_in_final_checkpoint = true;
        self
    }

    /// Returns the events that a command causes, in order, each with the pause before it.
    pub fn answer(&self, command: Command) -> Vec<(Duration, WorkerEvent)> {
        match command {
            Command::Start {
                job,
                run_id,
                parallelism,
                ..
            } => self.started(job, run_id, parallelism),
            Command::Checkpoint { stopping: true, .. } if self.hang_in_final_checkpoint => {
                Vec::new()
            }
            Command::Checkpoint {
                job,
                run_id,
                epoch,
                stopping,
            } => {
                let stored = WorkerEvent::CheckpointStored {
                    job: job.clone(),
                    run_id,
                    epoch,
                };
                let mut events = vec![(self.checkpoint, stored)];
                if stopping {
                    events.push((self.stop, WorkerEvent::Stopped { job, run_id }));
                }
                events
            }
            Command::Stop { job, run_id, .. } => {
                vec![(self.stop, WorkerEvent::Stopped { job, run_id })]
            }
            Command::Forget { .. } => Vec::new(),
        }
    }

    fn started(&self, job: JobId, run_id: u64, parallelism: u32) -> Vec<(Duration, WorkerEvent)> {
        if self.never_start {
            return Vec::new();
        }
        let started = WorkerEvent::Started {
            job: job.clone(),
            run_id,
            tasks: u64::from(parallelism) * u64::from(OPERATORS),
        };
        let end = match &self.end {
            None => None,
            Some(RunEnd::Finished { after }) => {
                Some((*after, WorkerEvent::Finished { job, run_id }))
            }
            Some(RunEnd::Failed { after, failure }) => {
                Some((*after, failure.clone().of_run(job, run_id)))
            }
        };
        [(self.start, started)].into_iter().chain(end).collect()
    }
}

impl Failure {
    /// Creates a failure that is the user's fault and would happen again in another run.
    pub fn new(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            domain: ErrorDomain::User,
            retryable: false,
        }
    }

    /// Sets which party caused the failure.
    #[must_use]
    pub fn with_domain(mut self, domain: ErrorDomain) -> Self {
        self.domain = domain;
        self
    }

    /// Sets whether another run may succeed, so that the server starts one.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// Returns the event that reports the failure to a control plane.
    pub fn of_run(self, job: JobId, run_id: u64) -> WorkerEvent {
        WorkerEvent::Failed {
            job,
            run_id,
            error: self.error,
            domain: self.domain,
            retryable: self.retryable,
        }
    }
}

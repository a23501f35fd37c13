//! What a submission tells while it works: [`Event`]s, given to an [`Observer`].

use std::{fmt, sync::Arc, time::Duration};

use stepwell_arroyo::{Job, JobError, JobId, JobState, PipelineId};

pub use crate::{job::Trouble, resolve::Difference};

/// One of the steps of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Wait until the API answers (`GET /api/v1/ping`).
    Connect,
    /// Check the query (`POST /api/v1/pipelines/validate_query`).
    Validate,
    /// Find the pipeline and resume it, or create it.
    Resolve,
    /// Wait until the job is Running.
    Wait,
    /// Stop the pipeline.
    Stop,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connect",
            Self::Validate => "validate",
            Self::Resolve => "resolve",
            Self::Wait => "wait until running",
            Self::Stop => "stop",
        })
    }
}

/// A job seen in a state that differs from what was last reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobTransition {
    /// The pipeline that the job belongs to.
    pub pipeline_id: PipelineId,
    /// The job.
    pub job_id: JobId,
    /// The run: it goes up with every start of the job.
    pub run_id: u64,
    /// The state that was seen.
    pub state: JobState,
    /// Whether the server means the job to run: `Stopped` with `true` is about to start.
    pub running_desired: bool,
    /// Time since the step began.
    pub elapsed: Duration,
}

impl JobTransition {
    pub(crate) fn new(pipeline_id: &PipelineId, job: &Job, elapsed: Duration) -> Self {
        Self {
            pipeline_id: pipeline_id.clone(),
            job_id: job.id.clone(),
            run_id: job.run_id,
            state: job.state.clone(),
            running_desired: job.running_desired,
            elapsed,
        }
    }

    /// Whether `job` shows nothing that this transition did not already tell.
    pub(crate) fn shows(&self, job: &Job) -> bool {
        self.job_id == job.id
            && self.run_id == job.run_id
            && self.state == job.state
            && self.running_desired == job.running_desired
    }
}

/// Something that happened on the way.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A step began.
    StepStarted {
        /// The step.
        step: Step,
    },
    /// A step ended well.
    StepFinished {
        /// The step.
        step: Step,
        /// How long it took.
        elapsed: Duration,
    },
    /// A request failed in a way that may pass, and is tried again.
    Retrying {
        /// The step.
        step: Step,
        /// What went wrong, without secrets, and without how long it took: the same failure again is the same text.
        reason: String,
        /// How many tries have failed in a row.
        attempt: u32,
    },
    /// A request succeeded after some that failed in a row, each of which was told as [`Retrying`](Self::Retrying).
    Answered {
        /// The step.
        step: Step,
        /// How many tries had failed.
        failures: u32,
        /// How long ago the first of them failed.
        elapsed: Duration,
    },
    /// The job was seen in another state than before.
    JobState(JobTransition),
    /// The job does not keep running: it recovers, restarts without being told to, or is about to fail. Told when that begins, and again
    /// when its newest error is of another kind; the same error once more only raises the count. Where the server gives no reason, as a
    /// release up to 0.15 does for a query that fails in a worker process (`550_create_divide_by_zero_states` of 0.15.0: a new run every
    /// second), it is told again each time that the restarts have doubled.
    JobTrouble {
        /// The pipeline.
        pipeline_id: PipelineId,
        /// The job.
        job_id: JobId,
        /// The run in which the trouble was seen.
        run_id: u64,
        /// How often the job has restarted since this submission began to watch it. A restart that is under way counts.
        restarts: u32,
        /// How long ago the first of its troubles was seen.
        elapsed: Duration,
        /// The newest error that the job has logged in this trouble; `None` when the server gives none, or could not be asked.
        error: Option<JobError>,
    },
    /// The job that was in trouble has been Running in one run for ten seconds, and for twice as long as any run of it that ended in
    /// trouble, but no longer than a minute.
    JobRecovered {
        /// The pipeline.
        pipeline_id: PipelineId,
        /// The job.
        job_id: JobId,
        /// How often the job has restarted since this submission began to watch it.
        restarts: u32,
        /// How long ago this trouble began.
        elapsed: Duration,
    },
    /// The pipeline that the server runs differs from the spec, and why that is no error.
    Differs {
        /// The pipeline.
        pipeline_id: PipelineId,
        /// In what it differs.
        difference: Difference,
    },
}

/// Receives the [`Event`]s of a submission, in order, on the task that drives it; it must not block.
///
/// Any `Fn(&Event)` is one:
///
/// ```
/// # use stepwell::{Options, observe::Event};
/// let options = Options::default()
///     .with_observer(|event: &Event| eprintln!("{event:?}"));
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Called for each event.
    fn observe(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &Event) {
        self(event);
    }
}

/// An observer that was given, or none.
#[derive(Clone, Default)]
pub(crate) struct Observation(Option<Arc<dyn Observer>>);

impl Observation {
    pub(crate) fn new(observer: impl Observer) -> Self {
        Self(Some(Arc::new(observer)))
    }

    pub(crate) fn tell(&self, event: &Event) {
        if let Some(observer) = &self.0 {
            observer.observe(event);
        }
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Observer" } else { "none" })
    }
}

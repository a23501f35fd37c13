//! What a submission reports while it works: [`Event`]s, passed to an [`Observer`].

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use stepwell_arroyo::{Job, JobError, JobId, JobState, PipelineId};

pub use crate::{job::Trouble, resolve::Difference};

/// A step of a submission, or another call of it. Only [`Connect`](Self::Connect) to [`Delete`](Self::Delete) are reported to begin and
/// to finish.
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
    /// Start the pipeline again.
    Start,
    /// Change the settings of the running pipeline.
    Update,
    /// Delete the pipeline.
    Delete,
    /// Attach to a pipeline by its id.
    Attach,
    /// Read the pipeline, its job, or what the job has logged.
    Read,
    /// Watch the running job, or read its rows.
    Watch,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connect",
            Self::Validate => "validate",
            Self::Resolve => "resolve",
            Self::Wait => "wait until running",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Attach => "attach",
            Self::Read => "read",
            Self::Watch => "watch",
        })
    }
}

/// A job was seen in a state that differs from the one last reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobTransition {
    /// The pipeline that the job belongs to.
    pub pipeline_id: PipelineId,
    /// The job.
    pub job_id: JobId,
    /// The run; the number increases with every start of the job.
    pub run_id: u64,
    /// The observed state.
    pub state: JobState,
    /// Whether the server intends the job to run: `Stopped` with `true` is about to start.
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

    /// Whether `job` shows nothing beyond what this transition already reported.
    pub(crate) fn shows(&self, job: &Job) -> bool {
        self.job_id == job.id
            && self.run_id == job.run_id
            && self.state == job.state
            && self.running_desired == job.running_desired
    }
}

/// The pipeline that a submission is about, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// Its name, from the spec or from the server; not known while `attach` reads the pipeline.
    pub name: Option<Arc<str>>,
    /// Its id; not known before it was found or created.
    pub id: Option<PipelineId>,
}

/// Progress of a submission.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A step began.
    StepStarted {
        /// The pipeline.
        subject: Subject,
        /// The step.
        step: Step,
    },
    /// A step succeeded.
    StepFinished {
        /// The pipeline.
        subject: Subject,
        /// The step.
        step: Step,
        /// How long it took.
        elapsed: Duration,
    },
    /// A step failed, or a shutdown ended it.
    StepFailed {
        /// The pipeline.
        subject: Subject,
        /// The step.
        step: Step,
        /// The error's [`code`](crate::Error::code).
        code: &'static str,
        /// The error with its causes, without secrets.
        reason: String,
        /// How long it took.
        elapsed: Duration,
    },
    /// `resolve` found the pipeline, or created it.
    Resolved {
        /// The pipeline.
        pipeline_id: PipelineId,
        /// Whether it was created. Otherwise it existed before, or was made by a create whose reply was lost.
        is_created: bool,
    },
    /// A request failed in a way that may be temporary, and is retried.
    Retrying {
        /// The pipeline.
        subject: Subject,
        /// The step.
        step: Step,
        /// The failure, without secrets and without durations, so that a repeated failure has the same text.
        reason: String,
        /// How many attempts have failed in a row.
        attempt: u32,
    },
    /// A request succeeded after consecutive failures, each of which was reported as [`Retrying`](Self::Retrying).
    Answered {
        /// The pipeline.
        subject: Subject,
        /// The step.
        step: Step,
        /// How many attempts had failed.
        failures: u32,
        /// How long ago the first of them failed.
        elapsed: Duration,
    },
    /// The job was seen in a new state.
    JobState(JobTransition),
    /// The job does not keep running: it recovers, restarts on its own, or is about to fail. Reported when that begins, and again when the
    /// newest error is of a different kind; a repetition of the same error only raises the count. If the server gives no reason, as
    /// releases up to 0.15 do not for a query that fails in a worker process (`550_create_divide_by_zero_states` of 0.15.0: a new run every
    /// second), it is reported each time the number of restarts has doubled.
    JobTrouble {
        /// The pipeline.
        pipeline_id: PipelineId,
        /// The job.
        job_id: JobId,
        /// The run in which the trouble was seen.
        run_id: u64,
        /// How often the job has restarted since this submission began to watch it, including a restart that is under way.
        restarts: u32,
        /// How long ago the job's first trouble was seen.
        elapsed: Duration,
        /// The newest error that the job has logged during this trouble; `None` if the server gives none or could not be asked.
        error: Option<JobError>,
    },
    /// A job that was in trouble has been Running in one run for ten seconds, and for twice as long as any of its runs that ended in
    /// trouble, up to one minute.
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
    /// The server's pipeline differs from the spec in a way that is not an error.
    Differs {
        /// The pipeline.
        pipeline_id: PipelineId,
        /// How it differs.
        difference: Difference,
    },
}

/// Receives the [`Event`]s of a submission, in order, on the task that drives it; it must not block. A panic in it is caught,
/// and the step goes on; the first one is logged.
///
/// Any `Fn(&Event)` is an observer:
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

/// An optional observer.
#[derive(Clone, Default)]
pub(crate) struct Observation(Option<Arc<Observed<dyn Observer>>>);

struct Observed<O: ?Sized> {
    has_panicked: AtomicBool,
    observer: O,
}

impl Observation {
    pub(crate) fn new(observer: impl Observer) -> Self {
        Self(Some(Arc::new(Observed {
            has_panicked: AtomicBool::new(false),
            observer,
        })))
    }

    /// Whether there is an observer.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Passes the event to the observer. If that panics, the step goes on: what it is about to send or to stop must not depend on the
    /// observer.
    pub(crate) fn tell(&self, event: &Event) {
        let Some(observed) = &self.0 else {
            return;
        };
        let told = catch_unwind(AssertUnwindSafe(|| observed.observer.observe(event)));
        if told.is_err() && !observed.has_panicked.swap(true, Ordering::Relaxed) {
            tracing::warn!("the observer of a submission has panicked; its steps go on");
        }
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Observer" } else { "none" })
    }
}

//! Why a job was not seen Running.

use std::time::Duration;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Job, JobError, JobState, PipelineId};
use stepwell_transport::Phase;

use super::{
    ended::Ended,
    last_seen::LastSeen,
    trouble::{Trouble, words},
};
use crate::words::{Time, times};

/// Why a job was not seen Running.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum WaitError {
    /// It failed.
    #[snafu(display("pipeline {id} failed{}", reason(job, errors, trouble.as_deref())))]
    Failed {
        /// The pipeline.
        id: PipelineId,
        /// The job, with the reason where the server gives one.
        job: Box<Job>,
        /// The errors that the job has logged, newest first; empty when there are none or the server did not say.
        errors: Vec<JobError>,
        /// The trouble that the job was in before.
        trouble: Option<Box<Trouble>>,
    },
    /// It was stopped by somebody else.
    #[snafu(display("pipeline {id} was stopped by somebody else; submit it again to resume it"))]
    Stopped {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
    },
    /// It has finished: a finite job can be over before any poll sees it Running.
    #[snafu(display("pipeline {id} has finished"))]
    Finished {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
    },
    /// It was not Running in time. It may still come up.
    #[snafu(display(
        "pipeline {id} {}", too_late(*elapsed, *not_stable_for, trouble.as_deref())
    ))]
    Deadline {
        /// The pipeline.
        id: PipelineId,
        /// How long it was waited for.
        elapsed: Duration,
        /// The trouble that the job is in.
        trouble: Option<Box<Trouble>>,
        /// When it was Running in the run that counts, but not for as long as it was to stay so
        /// ([`Options::stable_for`](crate::Options::stable_for)): that time.
        not_stable_for: Option<Duration>,
        /// What was last known.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
    /// It says Running and runs nothing: its parallelism is 0 (recording `290_create_parallelism_0`).
    #[snafu(display(
        "pipeline {id} says that it is running, but runs no task: its parallelism is 0; stop it and set one"
    ))]
    NoTasks {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
    },
    /// The server no longer knows it.
    #[snafu(display("pipeline {id} is no longer on the server; somebody has deleted it"))]
    Vanished {
        /// The pipeline.
        id: PipelineId,
    },
    /// The server refused to show it.
    #[snafu(display("the server refused to show pipeline {id}"))]
    Rejected {
        /// The pipeline.
        id: PipelineId,
        /// The server's answer.
        source: ClientError,
    },
    /// The server has not answered for a while.
    #[snafu(display(
        "the server has not answered for {}; pipeline {id} may well be running{}",
        Time(*silence), after_trouble(trouble.as_deref())
    ))]
    Silence {
        /// The pipeline.
        id: PipelineId,
        /// For how long.
        silence: Duration,
        /// The trouble that the job was in when it was last seen.
        trouble: Option<Box<Trouble>>,
        /// What was last known.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
}

impl Ended {
    /// The end as the error that it is for a caller who wanted the job to go on.
    pub fn into_error(self) -> WaitError {
        WaitError::of_end(self)
    }
}

impl WaitError {
    fn of_end(ended: Ended) -> Self {
        let (id, job) = (ended.id, Box::new(ended.job));
        match job.state {
            JobState::Failed => Self::Failed {
                id,
                job,
                errors: ended.errors,
                trouble: ended.trouble.map(Box::new),
            },
            JobState::Finished => Self::Finished { id, job },
            _ => Self::Stopped { id, job },
        }
    }
}

impl WaitError {
    /// A stable name of what happened, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "wait.failed",
            Self::Stopped { .. } => "wait.stopped",
            Self::Finished { .. } => "wait.finished",
            Self::Deadline { .. } => "wait.deadline",
            Self::NoTasks { .. } => "wait.no_tasks",
            Self::Vanished { .. } => "wait.vanished",
            Self::Rejected { .. } => "wait.rejected",
            Self::Silence { .. } => "wait.silence",
        }
    }

    /// Could what was asked of the server have happened already?
    pub fn phase(&self) -> Phase {
        Phase::Responded
    }

    /// Could the same call succeed later, with nothing changed by a person?
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::Silence { .. })
    }

    /// The pipeline that it is about, where its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        match self {
            Self::Failed { id, .. }
            | Self::Stopped { id, .. }
            | Self::Finished { id, .. }
            | Self::Deadline { id, .. }
            | Self::NoTasks { id, .. }
            | Self::Vanished { id }
            | Self::Rejected { id, .. }
            | Self::Silence { id, .. } => Some(id),
        }
    }

    /// What the server answered last, where that is the reason.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::Rejected { source, .. } => Some(source),
            Self::Deadline { source, .. } | Self::Silence { source, .. } => source.client_error(),
            _ => None,
        }
    }
}

/// The reason in the server's words, with its domain; without one, what the job has logged.
fn reason(job: &Job, errors: &[JobError], trouble: Option<&Trouble>) -> String {
    let restarted = trouble
        .filter(|trouble| trouble.restarts > 0)
        .map(|trouble| {
            let (times, elapsed) = (times(trouble.restarts), Time(trouble.elapsed));
            format!(" after it restarted {times} in {elapsed}")
        })
        .unwrap_or_default();
    match (&job.failure_reason, errors.first()) {
        (Some(reason), _) => match &reason.domain {
            Some(domain) => format!("{restarted} ({domain} error): {}", reason.error),
            None => format!("{restarted}: {}", reason.error),
        },
        (None, Some(error)) => format!("{restarted}: {}", words(error)),
        (None, None) => format!("{restarted}; the server gives no reason"),
    }
}

fn too_late(
    elapsed: Duration,
    not_stable_for: Option<Duration>,
    trouble: Option<&Trouble>,
) -> String {
    let elapsed = Time(elapsed);
    match (not_stable_for.map(Time), trouble) {
        (Some(stable), Some(trouble)) => {
            format!("ran, but did not stay running for {stable}: {trouble}")
        }
        (Some(stable), None) => {
            format!("ran, but had not been running for {stable} when {elapsed} were over")
        }
        (None, Some(trouble)) => format!("was not running within {elapsed}: {trouble}"),
        (None, None) => {
            format!("was not running within {elapsed}; look at its state, wait longer, or stop it")
        }
    }
}

fn after_trouble(trouble: Option<&Trouble>) -> String {
    trouble
        .map(|trouble| format!("; when it was last seen, {trouble}"))
        .unwrap_or_default()
}

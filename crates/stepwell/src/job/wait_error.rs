//! Why a job did not reach Running, or did not keep running.

use std::time::Duration;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Job, JobError, JobState, PipelineId};
use stepwell_transport::Phase;

use super::{
    ended::Ended,
    last_seen::LastSeen,
    trouble::{Trouble, words},
};
use crate::words::{Time, refused, times};

/// Why a job did not reach Running, or did not keep running.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum WaitError {
    /// The job failed.
    #[snafu(display("pipeline {id} failed{}", reason(job, errors, trouble.as_deref())))]
    Failed {
        /// The pipeline.
        id: PipelineId,
        /// The job, with the reason where the server gives one.
        job: Box<Job>,
        /// The errors that the job has logged, newest first; empty if there are none or the server did not say.
        errors: Vec<JobError>,
        /// The trouble that the job was in before.
        trouble: Option<Box<Trouble>>,
    },
    /// The job was stopped: by another client, or earlier by this submission or its shutdown.
    #[snafu(display("pipeline {id} was stopped{}; submit it again to resume it", if *is_told_to_stop { ", as this process had asked" } else { " by another client" }))]
    Stopped {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
        /// Whether this submission or its shutdown had asked the pipeline to stop.
        is_told_to_stop: bool,
    },
    /// The job has finished: a finite job can be over before any poll sees it Running.
    #[snafu(display("pipeline {id} has finished"))]
    Finished {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
    },
    /// The job was not Running in time. It may still get there.
    #[snafu(display(
        "pipeline {id} {}", too_late(*elapsed, *not_stable_for, *interruptions, trouble.as_deref())
    ))]
    Deadline {
        /// The pipeline.
        id: PipelineId,
        /// How long the call waited.
        elapsed: Duration,
        /// The trouble that the job is in.
        trouble: Option<Box<Trouble>>,
        /// The time for which it should have stayed Running ([`Options::stable_for`](crate::Options::stable_for)), if it was Running in the
        /// run that counts but not for that long.
        not_stable_for: Option<Duration>,
        /// How often the job was Running and then was not, or began anew.
        interruptions: u32,
        /// The last observation of the job.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
    /// The job claims to be Running but runs nothing: its parallelism is 0 (recording `290_create_parallelism_0`).
    #[snafu(display(
        "pipeline {id} is reported as running, but runs no tasks: its parallelism is 0; stop it and set one"
    ))]
    NoTasks {
        /// The pipeline.
        id: PipelineId,
        /// The job.
        job: Box<Job>,
    },
    /// The server no longer knows the pipeline.
    #[snafu(display("pipeline {id} is no longer on the server; it was deleted"))]
    Vanished {
        /// The pipeline.
        id: PipelineId,
    },
    /// The server refused to show the pipeline.
    #[snafu(display("{} pipeline {id}", refused("show", source)))]
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
        /// For how long it has not answered.
        silence: Duration,
        /// The trouble that the job was last seen in.
        trouble: Option<Box<Trouble>>,
        /// The last observation of the job.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
}

impl Ended {
    /// The end as an error, for a caller that wanted the job to keep running.
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
            _ => Self::Stopped {
                id,
                job,
                is_told_to_stop: ended.is_told_to_stop,
            },
        }
    }
}

impl WaitError {
    /// A stable name for the failure, for metrics, alerts and tests.
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

    /// Whether the server may already have acted on the request.
    pub fn phase(&self) -> Phase {
        Phase::Responded
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::Silence { .. })
    }

    /// The pipeline that the error is about, if its id is known.
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

    /// The failed request that caused the error, if there is one.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::Rejected { source, .. } => Some(source),
            Self::Deadline { source, .. } | Self::Silence { source, .. } => source.client_error(),
            _ => None,
        }
    }
}

/// The reason in the server's words, with its domain; if there is none, what the job has logged.
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
    interruptions: u32,
    trouble: Option<&Trouble>,
) -> String {
    let elapsed = Time(elapsed);
    match (not_stable_for.map(Time), trouble) {
        (Some(stable), Some(trouble)) => {
            format!("ran, but did not stay running for {stable}: {trouble}")
        }
        (Some(stable), None) if interruptions > 0 => {
            let times = times(interruptions);
            format!(
                "ran, but did not stay running for {stable}: it was interrupted {times} in {elapsed}"
            )
        }
        (Some(stable), None) => {
            format!("ran, but had not been running for {stable} after {elapsed}")
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

//! Why a pipeline was not seen Stopped.

use std::time::Duration;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Job, PipelineId};
use stepwell_transport::Phase;

use crate::{
    job::{LastSeen, Trouble},
    words::Time,
};

/// Why a pipeline was not seen Stopped.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(super)))]
#[non_exhaustive]
pub enum StopError {
    /// It did not end in time. The stop was asked for, or was being asked for, and may still come true.
    #[snafu(display(
        "pipeline {id} did not stop within {}{}; look at its state, wait longer, or use a stronger stop mode (immediate, then force)",
        Time(*elapsed), colon(trouble.as_deref())
    ))]
    Deadline {
        /// The pipeline.
        id: PipelineId,
        /// How long it was waited for.
        elapsed: Duration,
        /// The trouble that the job is in.
        trouble: Option<Box<Trouble>>,
        /// What was last known.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
    /// It ended, but not by being stopped.
    #[snafu(display("pipeline {id} ended as {} before it was stopped{}", job.state, reason(job)))]
    EndedOtherwise {
        /// The pipeline.
        id: PipelineId,
        /// The job at its end: Finished or Failed.
        job: Box<Job>,
    },
    /// Somebody else told it to run again after the stop was accepted.
    #[snafu(display(
        "pipeline {id} was told to run again by somebody else after it was told to stop; find out who, then stop it again"
    ))]
    Resumed {
        /// The pipeline.
        id: PipelineId,
    },
    /// The server no longer knows it.
    #[snafu(display("pipeline {id} is no longer on the server; somebody has deleted it"))]
    Vanished {
        /// The pipeline.
        id: PipelineId,
    },
    /// The server refused the stop.
    #[snafu(display("the server refused to stop pipeline {id}"))]
    Rejected {
        /// The pipeline.
        id: PipelineId,
        /// The server's answer.
        source: ClientError,
    },
}

impl StopError {
    /// A stable name of what happened, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deadline { .. } => "stop.deadline",
            Self::EndedOtherwise { .. } => "stop.ended_otherwise",
            Self::Resumed { .. } => "stop.resumed",
            Self::Vanished { .. } => "stop.vanished",
            Self::Rejected { .. } => "stop.rejected",
        }
    }

    /// Could what was asked of the server have happened already?
    pub fn phase(&self) -> Phase {
        match self {
            Self::Deadline { .. } => Phase::MaybeSent,
            _ => Phase::Responded,
        }
    }

    /// Could the same call succeed later, with nothing changed by a person?
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::Resumed { .. })
    }

    /// The pipeline that it is about, where its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        match self {
            Self::Deadline { id, .. }
            | Self::EndedOtherwise { id, .. }
            | Self::Resumed { id }
            | Self::Vanished { id }
            | Self::Rejected { id, .. } => Some(id),
        }
    }

    /// What the server answered last, where that is the reason.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::Rejected { source, .. } => Some(source),
            Self::Deadline { source, .. } => source.client_error(),
            _ => None,
        }
    }
}

fn colon(trouble: Option<&Trouble>) -> String {
    trouble
        .map(|trouble| format!(": {trouble}"))
        .unwrap_or_default()
}

fn reason(job: &Job) -> String {
    job.failure_reason
        .as_ref()
        .map(|reason| format!(": {}", reason.error))
        .unwrap_or_default()
}

//! Why a pipeline was not seen Stopped.

use std::time::Duration;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Job, PipelineId};
use stepwell_transport::Phase;

use crate::{
    job::{LastSeen, Trouble},
    words::{Time, refused},
};

/// Why a pipeline was not seen Stopped.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(super)))]
#[non_exhaustive]
pub enum StopError {
    /// The pipeline did not end in time. The stop was requested, or was being requested, and may still take effect.
    #[snafu(display(
        "pipeline {id} did not stop within {}{}; look at its state, wait longer, or use a stronger stop mode (immediate, then force)",
        Time(*elapsed), colon(trouble.as_deref())
    ))]
    Deadline {
        /// The pipeline.
        id: PipelineId,
        /// How long the call waited.
        elapsed: Duration,
        /// The trouble that the job is in.
        trouble: Option<Box<Trouble>>,
        /// The last observation of the job.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
    /// The pipeline ended, but not by being stopped.
    #[snafu(display("pipeline {id} ended as {} before it was stopped{}", job.state, reason(job)))]
    EndedOtherwise {
        /// The pipeline.
        id: PipelineId,
        /// The job when it had ended: Finished or Failed.
        job: Box<Job>,
    },
    /// Another client set it to run again after the stop was accepted.
    #[snafu(display(
        "pipeline {id} was set to run again by another client after it was asked to stop; find out which, then stop it again"
    ))]
    Resumed {
        /// The pipeline.
        id: PipelineId,
    },
    /// The server no longer knows the pipeline.
    #[snafu(display("pipeline {id} is no longer on the server; it was deleted"))]
    Vanished {
        /// The pipeline.
        id: PipelineId,
    },
    /// The server refused the stop, or it could not be sent.
    #[snafu(display("{} pipeline {id}", refused("stop", source)))]
    Rejected {
        /// The pipeline.
        id: PipelineId,
        /// The server's answer.
        source: ClientError,
    },
}

impl StopError {
    /// A stable name for the failure, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deadline { .. } => "stop.deadline",
            Self::EndedOtherwise { .. } => "stop.ended_otherwise",
            Self::Resumed { .. } => "stop.resumed",
            Self::Vanished { .. } => "stop.vanished",
            Self::Rejected { .. } => "stop.rejected",
        }
    }

    /// Whether the server may already have acted on the request.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Deadline { .. } => Phase::MaybeSent,
            Self::Rejected { source, .. } if source.phase() == Phase::MaybeSent => Phase::MaybeSent,
            _ => Phase::Responded,
        }
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::Resumed { .. })
    }

    /// The pipeline that the error is about, if its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        match self {
            Self::Deadline { id, .. }
            | Self::EndedOtherwise { id, .. }
            | Self::Resumed { id }
            | Self::Vanished { id }
            | Self::Rejected { id, .. } => Some(id),
        }
    }

    /// The failed request that caused the error, if there is one.
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

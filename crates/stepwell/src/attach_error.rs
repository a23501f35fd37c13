//! Why attaching to a pipeline failed.

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId};
use stepwell_transport::Phase;

/// Why attaching to a pipeline failed.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum AttachError {
    /// The server does not know the pipeline.
    #[snafu(display(
        "there is no pipeline {id} on the server; list the pipelines to see their ids"
    ))]
    NotFound {
        /// The id.
        id: PipelineId,
    },
    /// The server did not answer, or refused the request.
    #[snafu(display("could not read pipeline {id}"))]
    Unreadable {
        /// The id.
        id: PipelineId,
        /// The cause.
        source: ClientError,
    },
}

impl AttachError {
    /// A stable name for the failure, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "attach.not_found",
            Self::Unreadable { .. } => "attach.unreadable",
        }
    }

    /// Whether the server may already have acted on the request.
    pub fn phase(&self) -> Phase {
        Phase::Responded
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        self.client_error().is_some_and(ClientError::is_retryable)
    }

    /// The pipeline that the error is about, if its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        match self {
            Self::NotFound { id } | Self::Unreadable { id, .. } => Some(id),
        }
    }

    /// The failed request that caused the error, if there is one.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::NotFound { .. } => None,
            Self::Unreadable { source, .. } => Some(source),
        }
    }
}

//! Why a pipeline was not attached to.

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId};
use stepwell_transport::Phase;

/// Why a pipeline was not attached to.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum AttachError {
    /// The server does not know it.
    #[snafu(display("there is no pipeline {id} on the server; list them to see which there are"))]
    NotFound {
        /// The id.
        id: PipelineId,
    },
    /// The server did not answer, or refused.
    #[snafu(display("could not read pipeline {id}"))]
    Unreadable {
        /// The id.
        id: PipelineId,
        /// Why.
        source: ClientError,
    },
}

impl AttachError {
    /// A stable name of what happened, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "attach.not_found",
            Self::Unreadable { .. } => "attach.unreadable",
        }
    }

    /// Could what was asked of the server have happened already?
    pub fn phase(&self) -> Phase {
        Phase::Responded
    }

    /// Could the same call succeed later, with nothing changed by a person?
    pub fn is_retryable(&self) -> bool {
        self.client_error().is_some_and(ClientError::is_retryable)
    }

    /// The pipeline that it is about, where its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        match self {
            Self::NotFound { id } | Self::Unreadable { id, .. } => Some(id),
        }
    }

    /// What the server answered last, where that is the reason.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::NotFound { .. } => None,
            Self::Unreadable { source, .. } => Some(source),
        }
    }
}

//! Why the query could not be validated.

use std::time::Duration;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId, SqlDiagnostic};
use stepwell_transport::Phase;

use crate::words::{Time, refused};

/// Why the query could not be validated.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum ValidateError {
    /// The query has errors; nothing was allocated.
    #[snafu(display("the query of pipeline {name:?} is not valid: {}", words(diagnostics)))]
    Invalid {
        /// The pipeline's name.
        name: String,
        /// The errors, each with its position if the server reports one.
        diagnostics: Vec<SqlDiagnostic>,
    },
    /// The server refused the request, for instance because a UDF does not compile; or it could not be sent.
    #[snafu(display("{} pipeline {name:?}", refused("validate", source)))]
    Rejected {
        /// The pipeline's name.
        name: String,
        /// The server's answer.
        source: ClientError,
    },
    /// The server did not give a usable answer in time.
    #[snafu(display("could not validate pipeline {name:?} within {}", Time(*elapsed)))]
    Unanswered {
        /// The pipeline's name.
        name: String,
        /// How long the call tried.
        elapsed: Duration,
        /// The last failure.
        source: ClientError,
    },
}

impl ValidateError {
    /// A stable name for the failure, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "validate.invalid",
            Self::Rejected { .. } => "validate.rejected",
            Self::Unanswered { .. } => "validate.unanswered",
        }
    }

    /// Whether the server may already have acted on the request.
    pub fn phase(&self) -> Phase {
        self.client_error()
            .map_or(Phase::Responded, ClientError::phase)
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        self.client_error().is_some_and(ClientError::is_retryable)
    }

    /// The pipeline that the error is about, if its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        None
    }

    /// The failed request that caused the error, if there is one.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::Invalid { .. } => None,
            Self::Rejected { source, .. } | Self::Unanswered { source, .. } => Some(source),
        }
    }
}

/// The messages, each with its position.
fn words(diagnostics: &[SqlDiagnostic]) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| match &diagnostic.span {
            Some(span) => format!(
                "{} (line {}, column {})",
                diagnostic.message, span.start.line, span.start.column
            ),
            None => diagnostic.message.clone(),
        })
        .collect::<Vec<_>>()
        .join("; ")
}

//! Why the query was not validated.

use std::time::Duration;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId, SqlDiagnostic};
use stepwell_transport::Phase;

use crate::words::Time;

/// Why the query was not validated.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum ValidateError {
    /// The query has errors; nothing was allocated.
    #[snafu(display("the query of pipeline {name:?} is not valid: {}", words(diagnostics)))]
    Invalid {
        /// The pipeline's name.
        name: String,
        /// The errors, each with where it is if the server says so.
        diagnostics: Vec<SqlDiagnostic>,
    },
    /// The server refused to look at it, for instance because a UDF does not compile.
    #[snafu(display("the server refused to validate pipeline {name:?}"))]
    Rejected {
        /// The pipeline's name.
        name: String,
        /// The server's answer.
        source: ClientError,
    },
    /// The server did not answer in time, or not with what was asked for.
    #[snafu(display("could not validate pipeline {name:?} within {}", Time(*elapsed)))]
    Unanswered {
        /// The pipeline's name.
        name: String,
        /// How long it was tried.
        elapsed: Duration,
        /// The last failure.
        source: ClientError,
    },
}

impl ValidateError {
    /// A stable name of what happened, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "validate.invalid",
            Self::Rejected { .. } => "validate.rejected",
            Self::Unanswered { .. } => "validate.unanswered",
        }
    }

    /// Could what was asked of the server have happened already?
    pub fn phase(&self) -> Phase {
        self.client_error()
            .map_or(Phase::Responded, ClientError::phase)
    }

    /// Could the same call succeed later, with nothing changed by a person?
    pub fn is_retryable(&self) -> bool {
        self.client_error().is_some_and(ClientError::is_retryable)
    }

    /// The pipeline that it is about, where its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        None
    }

    /// What the server answered last, where that is the reason.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::Invalid { .. } => None,
            Self::Rejected { source, .. } | Self::Unanswered { source, .. } => Some(source),
        }
    }
}

/// The messages, each with its place.
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

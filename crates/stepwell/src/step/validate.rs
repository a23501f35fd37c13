use std::{pin::pin, sync::Arc, time::Duration};

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineGraph, SqlDiagnostic};
use tracing::Instrument;

use crate::{
    Connected, Submission, TransitionError, Validated, context::Context, error::Error,
    observer::Step, spec::PipelineSpec, submission::Begun, words::Time,
};

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
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
    /// The server did not answer in time, or not with what was asked for.
    #[snafu(display("could not validate pipeline {name:?} within {}", Time(*elapsed)))]
    Unanswered {
        /// The pipeline's name.
        name: String,
        /// How long it was tried.
        elapsed: Duration,
        /// The last failure.
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
}

impl ValidateError {
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

impl Submission<Connected> {
    /// Has the server plan the query, and shows its errors before anything is allocated.
    ///
    /// Sends `POST /api/v1/pipelines/validate_query`, which changes nothing and is tried again until
    /// [`Options::validate_timeout`](crate::Options::validate_timeout) when the server does not answer.
    ///
    /// # Errors
    ///
    /// [`Error::Validate`], [`Error::ShutdownBegun`]. Hands back the connected submission.
    ///
    /// # Cancel safety
    ///
    /// Safe: a validation changes nothing. The submission is lost with the future.
    pub async fn validate(self) -> Result<Submission<Validated>, TransitionError<Connected>> {
        let span = tracing::info_span!(
            "validate",
            pipeline.name = self.state.spec.name(),
            state.from = "Connected",
            state.to = "Validated"
        );
        let outcome = async {
            let begun = self.begin(Step::Validate);
            let work = pin!(check(&self.context, &self.state.spec, &begun));
            let graph = self.context.unless_begun(work).await?;
            self.finish(&begun);
            Ok::<_, Error>(graph)
        }
        .instrument(span)
        .await;
        match outcome {
            Ok(graph) => {
                let spec = Arc::clone(&self.state.spec);
                Ok(self.with_state(Validated {
                    spec,
                    graph,
                    attempt: None,
                }))
            }
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }
}

async fn check(
    context: &Context,
    spec: &PipelineSpec,
    begun: &Begun,
) -> Result<PipelineGraph, Error> {
    let name = || spec.name().to_owned();
    let validation = context
        .read(Step::Validate, &begun.limit, |client| async move {
            client.validate(spec.query(), spec.udfs()).await
        })
        .await
        .map_err(|error| {
            let source = Box::new(error);
            if source.is_retryable() {
                ValidateError::Unanswered {
                    name: name(),
                    elapsed: begun.limit.elapsed(),
                    source,
                }
            } else {
                ValidateError::Rejected {
                    name: name(),
                    source,
                }
            }
        })?;
    match validation.graph {
        Some(graph) if validation.errors.is_empty() => Ok(graph),
        _ => Err(ValidateError::Invalid {
            name: name(),
            diagnostics: validation.errors,
        }
        .into()),
    }
}

impl Submission<Validated> {
    /// The plan of the query, as the server has it.
    pub fn graph(&self) -> &PipelineGraph {
        &self.state.graph
    }

    /// Whether a create was sent whose outcome is not known; the next `resolve` looks for it first.
    pub fn has_create_in_doubt(&self) -> bool {
        self.state
            .attempt
            .as_ref()
            .is_some_and(crate::resolution::attempt::Attempt::in_doubt)
    }
}

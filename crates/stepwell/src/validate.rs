//! Validation: the server plans the query before anything is allocated.

use stepwell_arroyo::PipelineGraph;

use crate::{
    error::Error,
    observe::Step,
    session::{Deadline, Session, retry::Request},
    spec::PipelineSpec,
    validate_error::ValidateError,
};

/// Asks the server to plan the query.
pub(crate) async fn plan_query(
    session: &Session,
    spec: &PipelineSpec,
    deadline: &Deadline,
) -> Result<PipelineGraph, Error> {
    let name = || spec.name().to_owned();
    let validation = session
        .requester
        .call(
            Request::Read,
            Step::Validate,
            deadline,
            |client| async move { client.validate(spec.query(), spec.udfs()).await },
        )
        .await
        .map_err(|error| {
            let source = error;
            if source.is_retryable() {
                ValidateError::Unanswered {
                    name: name(),
                    elapsed: deadline.elapsed(),
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

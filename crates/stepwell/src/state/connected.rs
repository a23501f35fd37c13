//! Connected: the API has answered.

use std::{pin::pin, sync::Arc};

use super::Validated;
use crate::{
    observe::Step,
    spec::PipelineSpec,
    submission::{Submission, TransitionError},
    validate::plan_query,
};

/// The API has answered.
///
/// Leaves by: [`validate`](Submission::validate).
pub struct Connected {
    pub(crate) spec: Arc<PipelineSpec>,
}

/// # Connected
impl Submission<Connected> {
    /// Has the server plan the query, so that errors in it surface before anything is allocated.
    ///
    /// Sends `POST /api/v1/pipelines/validate_query`, which changes nothing. If the server does not answer, the request is retried until
    /// [`Options::validate_timeout`](crate::Options::validate_timeout).
    ///
    /// # Errors
    ///
    /// [`Error::Validate`](crate::Error::Validate), [`Error::ShutdownBegun`](crate::Error::ShutdownBegun). Hands back the connected submission.
    ///
    /// # Cancel safety
    ///
    /// Safe: a validation changes nothing. The submission is lost with the future.
    pub async fn validate(self) -> Result<Submission<Validated>, TransitionError<Connected>> {
        let deadline = self.session.deadline(Step::Validate);
        let planned = {
            let work = pin!(plan_query(&self.session, &self.state.spec, &deadline));
            self.perform(Step::Validate, &deadline, work).await
        };
        self.advance(planned, |connected, graph| Validated {
            spec: connected.spec,
            graph,
            attempt: None,
        })
    }
}

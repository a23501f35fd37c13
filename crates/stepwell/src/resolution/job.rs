//! The job of a pipeline that was found.

use stepwell_arroyo::{Job, Pipeline};

use super::{Action, ResolveError};
use crate::{context::Context, error::Error, observer::Step, poll::is_gone, time_limit::TimeLimit};

/// What the server shows of it.
pub(crate) enum Looked {
    Job(Option<Box<Job>>),
    Gone,
}

/// Reads it.
pub(crate) async fn job_of(
    context: &Context,
    pipeline: &Pipeline,
    limit: &TimeLimit,
) -> Result<Looked, Error> {
    let id = &pipeline.id;
    match context
        .read(Step::Resolve, limit, |client| async move {
            client.job(id).await
        })
        .await
    {
        Ok(job) => Ok(Looked::Job(job.map(Box::new))),
        Err(error) if is_gone(&error) => Ok(Looked::Gone),
        Err(error) => {
            Err(ResolveError::unanswered(Action::Find, &pipeline.name, limit, error).into())
        }
    }
}

//! The job of a pipeline that was found.

use stepwell_arroyo::{Job, Pipeline};

use super::{Action, ResolveError};
use crate::{
    error::Error,
    observe::Step,
    session::{
        Deadline, Session,
        retry::{Request, is_gone},
    },
};

/// The answer to reading the job.
pub(crate) enum JobOf {
    Job(Option<Box<Job>>),
    Gone,
}

pub(crate) async fn job_of(
    session: &Session,
    pipeline: &Pipeline,
    deadline: &Deadline,
) -> Result<JobOf, Error> {
    let id = &pipeline.id;
    match session
        .requester
        .call(
            Request::Read,
            Step::Resolve,
            deadline,
            |client| async move { client.job(id).await },
        )
        .await
    {
        Ok(job) => Ok(JobOf::Job(job.map(Box::new))),
        Err(error) if is_gone(&error) => Ok(JobOf::Gone),
        Err(error) => {
            Err(ResolveError::unanswered(Action::Find, &pipeline.name, deadline, error).into())
        }
    }
}

//! Attaching to a pipeline by its id.

use stepwell_arroyo::{Pipeline, PipelineId};

use crate::{
    attach_error::AttachError,
    error::Error,
    observe::Step,
    session::{
        Deadline, Session,
        retry::{Request, is_gone},
    },
};

pub(crate) async fn read_pipeline(
    session: &Session,
    id: &PipelineId,
    deadline: &Deadline,
) -> Result<Pipeline, Error> {
    let read = session
        .requester
        .call(Request::Read, Step::Attach, deadline, |client| async move {
            client.pipeline(id).await
        });
    Ok(read.await.map_err(|error| {
        if is_gone(&error) {
            AttachError::NotFound { id: id.clone() }
        } else {
            AttachError::Unreadable {
                id: id.clone(),
                source: error,
            }
        }
    })?)
}

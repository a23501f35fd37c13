//! Taking up a pipeline by its id.

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Pipeline, PipelineId};

use crate::{
    error::Error,
    observe::Step,
    session::{Deadline, Session, need_runtime, retry::is_gone},
};

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
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
}

impl AttachError {
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.is_retryable())
    }
}

/// Reads the pipeline.
pub(crate) async fn read_pipeline(
    session: &Session,
    id: &PipelineId,
    deadline: &Deadline,
) -> Result<Pipeline, Error> {
    need_runtime()?;
    let read = session.read(Step::Connect, deadline, |client| async move {
        client.pipeline(id).await
    });
    Ok(read.await.map_err(|error| {
        if is_gone(&error) {
            AttachError::NotFound { id: id.clone() }
        } else {
            AttachError::Unreadable {
                id: id.clone(),
                source: Box::new(error),
            }
        }
    })?)
}

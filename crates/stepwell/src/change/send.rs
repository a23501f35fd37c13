//! Sending one request that changes a pipeline that exists.

use std::{future::Future, sync::Arc};

use stepwell_arroyo::{ClientError, Operation, PipelineId};

use crate::{
    error::Error,
    session::{Session, retry::Failure, to_completion},
    shutdown::registry::entry::Target,
};

/// A request that changes a pipeline that exists.
pub(crate) struct ChangeRequest<'a> {
    pub(crate) id: &'a PipelineId,
    pub(crate) name: &'a str,
    pub(crate) operation: Operation,
    /// Whether it begins a run.
    pub(crate) starts: bool,
    /// Whether this process may have created the pipeline.
    pub(crate) started_here: bool,
}

impl ChangeRequest<'_> {
    /// Sends the request once, to completion and registered beforehand. The outer error is [`Error::ShutdownBegun`].
    pub(crate) async fn send<T: Send + 'static>(
        &self,
        session: &Session,
        sending: impl Future<Output = Result<T, ClientError>> + Send + 'static,
    ) -> Result<Result<T, ClientError>, Error> {
        let guard = session.intend(
            self.name.into(),
            Target::Pipeline(self.id.clone()),
            self.starts && !session.is_put_back() || self.started_here,
        )?;
        let cut_off = || {
            let client = &session.requester.client;
            client.cut_off(self.operation, self.id.as_str())
        };
        let sight = Arc::clone(&session.sight);
        let (id, starts) = (self.id.clone(), self.starts);
        let sending = async move {
            let sent = sending.await;
            let failure = sent.as_ref().err().map(Failure::of);
            if failure.is_some_and(Failure::changed_nothing) {
                guard.started_nothing();
            } else if starts {
                sight.starts(&id);
                guard.in_doubt(failure.is_some());
            }
            sent
        };
        Ok(to_completion(sending, cut_off).await)
    }
}

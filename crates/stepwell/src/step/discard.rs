use stepwell_arroyo::StopMode;
use tracing::Instrument;

use crate::{
    Created, Resolved, Submission, TransitionError,
    error::Error,
    observer::Step,
    poll::{is_gone, may_pass},
    resolution::{Action, ResolveError},
    shutdown::stop_pipeline::{Stop, StopError},
    uncut::uncut,
};

impl Submission<Resolved<Created>> {
    /// Undoes the create: stops the pipeline at once, without a checkpoint, and deletes it.
    ///
    /// Sends `PATCH` with `stop: immediate`, waits until the job has ended, then `DELETE /api/v1/pipelines/{id}`, within
    /// [`Options::stop_timeout`](crate::Options::stop_timeout). Only a pipeline that this submission is known to have created has this.
    ///
    /// # Errors
    ///
    /// [`Error::Stop`] when it could not be stopped, [`Error::Resolve`] when it could not be deleted. Hands back the submission; trying
    /// again is safe.
    ///
    /// # Cancel safety
    ///
    /// The requests are not cut: what was sent takes effect.
    pub async fn discard(self) -> Result<(), TransitionError<Resolved<Created>>> {
        let span = tracing::info_span!("discard", pipeline.id = %self.id());
        match self.undo().instrument(span).await {
            Ok(()) => Ok(()),
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }

    async fn undo(&self) -> Result<(), Error> {
        let begun = self.begin(Step::Stop);
        let options = &self.context.options;
        let stop = Stop {
            client: &self.context.client,
            id: self.id(),
            mode: StopMode::Immediate,
            escalations: &[],
            limit: begun.limit,
            request_timeout: options.request_timeout,
            poll_ceiling: options.poll_ceiling,
            observation: &options.observation,
            jitter: &self.context.jitter,
            record: &self.context.trouble,
            expected: self.state.baseline.expected(),
        };
        match stop.run().await {
            Ok(_) | Err(StopError::Vanished { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut pace = self.context.poll_pace();
        loop {
            let client = self.context.client_for_a_write();
            let id = self.id().clone();
            match uncut(async move { client.delete(&id).await }).await {
                Ok(()) => break,
                Err(error) if is_gone(&error) => break,
                Err(error) if may_pass(&error) && !begun.limit.is_over() => {
                    let pause = pace.retry(error.retry_after(), &self.context.jitter);
                    begun.limit.sleep(pause).await;
                }
                Err(error) => {
                    return Err(ResolveError::unanswered(
                        Action::Discard,
                        self.name(),
                        &begun.limit,
                        error,
                    )
                    .into());
                }
            }
        }
        self.context.ticket.forget();
        self.finish(&begun);
        Ok(())
    }
}

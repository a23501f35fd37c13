use std::sync::atomic::Ordering;

use stepwell_arroyo::JobState;
use tracing::Instrument;

use crate::{
    Registered, Running, Stopped, Submission, TransitionError,
    context::Context,
    error::Error,
    observer::Step,
    shutdown::stop_pipeline::{Ending, Stop, StopError},
    state::State,
    submission::Begun,
};

impl Submission<Registered> {
    /// Stops the pipeline, with a final checkpoint unless [`Options::stop_mode`](crate::Options::stop_mode) says otherwise, and waits
    /// until it has stopped.
    ///
    /// Sends `PATCH /api/v1/pipelines/{id}` with `stop`, again while it is not answered, then reads its job until that is Stopped with
    /// `running_desired: false`, within [`Options::stop_timeout`](crate::Options::stop_timeout). A shutdown that has begun does not end
    /// it: stopping is what the shutdown wants.
    ///
    /// # Errors
    ///
    /// [`Error::Stop`]. Hands back the submission.
    ///
    /// # Cancel safety
    ///
    /// The request is not cut: a stop that was sent takes effect.
    pub async fn stop(self) -> Result<Submission<Stopped>, TransitionError<Registered>> {
        match stop(&self, &self.state).await {
            Ok(ending) => {
                let Self { context, state } = self;
                Ok(stopped(context, state, ending))
            }
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }
}

impl Submission<Running> {
    /// Stops the pipeline; as [`Submission::<Registered>::stop`].
    ///
    /// # Errors
    ///
    /// [`Error::Stop`]. Hands back the submission.
    ///
    /// # Cancel safety
    ///
    /// The request is not cut: a stop that was sent takes effect.
    pub async fn stop(self) -> Result<Submission<Stopped>, TransitionError<Running>> {
        match stop(&self, &self.state.registered).await {
            Ok(ending) => {
                let Self { context, state } = self;
                Ok(stopped(context, state.registered, ending))
            }
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }
}

impl Submission<Stopped> {
    /// The job as it stopped.
    pub fn job(&self) -> &stepwell_arroyo::Job {
        &self.state.job
    }

    /// Whether a final checkpoint was made, as far as the server shows it.
    ///
    /// A server after 0.15 says of each checkpoint whether it is a final one. A release up to 0.15 does not: there it is `Some(true)` when
    /// the job was seen in CheckpointStopping after only such a stop was asked for, and a checkpoint was finished that was not there before;
    /// `Some(false)` when none was. `None`: it is not known, because CheckpointStopping was too short to be seen, say, or the checkpoints
    /// could not be read. Then the next run tells where it goes on.
    pub fn final_checkpoint(&self) -> Option<bool> {
        self.state.final_checkpoint
    }
}

fn stopped(
    context: std::sync::Arc<Context>,
    registered: Registered,
    ending: Ending,
) -> Submission<Stopped> {
    let state = Stopped {
        registered,
        job: ending.job,
        final_checkpoint: ending.final_checkpoint,
    };
    tracing::debug!(state.to = ?state, "step taken");
    Submission { context, state }
}

async fn stop<S: State>(
    submission: &Submission<S>,
    registered: &Registered,
) -> Result<Ending, Error> {
    let id = registered.pipeline.id.clone();
    let expected = registered.baseline.expected();
    let span = tracing::info_span!("stop", pipeline.id = %id, state.from = ?submission.state, state.to = "Stopped");
    async {
        let begun: Begun = submission.begin(Step::Stop);
        let context: &Context = &submission.context;
        let options = &context.options;
        let stop = Stop {
            client: &context.client,
            id: &id,
            mode: options.stop_mode.clone(),
            escalations: &[],
            limit: begun.limit,
            request_timeout: options.request_timeout,
            poll_ceiling: options.poll_ceiling,
            observation: &options.observation,
            jitter: &context.jitter,
            record: &context.trouble,
            expected,
        };
        context.stops.store(true, Ordering::Relaxed);
        let ending = stop.run().await.inspect_err(|_| {
            // It may run on.
            context.stops.store(false, Ordering::Relaxed);
        })?;
        context.ticket.forget();
        if ending.job.state != JobState::Stopped {
            return Err(StopError::EndedOtherwise {
                id: id.clone(),
                job: Box::new(ending.job),
            }
            .into());
        }
        submission.finish(&begun);
        Ok(ending)
    }
    .instrument(span)
    .await
}

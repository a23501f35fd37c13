//! [`Submission`]: one pipeline on its way to Running, and what all of its transitions share.

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
};

use tracing::Instrument;

use crate::{
    error::{Chain, Error},
    observe::{Event, Step},
    options::Options,
    session::{Deadline, Session, need_runtime},
    shutdown::Shutdown,
    state::State,
};

/// One pipeline on its way to Running. `S` is the last step that has been proved.
///
/// Each step consumes the submission and returns it in the next state, so skipping a step or taking one out of order does not compile. A
/// step that fails returns the submission in its previous state ([`TransitionError`]).
///
/// It is not `Clone`: a copy of a validated submission would be a licence to create twice. Dropping a submission sends nothing; a pipeline
/// that it created stays with its [`Shutdown`].
#[must_use = "a submission does nothing until its next step is called"]
pub struct Submission<S: State> {
    pub(crate) session: Arc<Session>,
    pub(crate) state: S,
}

impl<S: State> Submission<S> {
    /// The shutdown this submission belongs to.
    pub fn shutdown(&self) -> &Shutdown {
        &self.session.shutdown
    }

    /// The options of this submission.
    pub fn options(&self) -> &Options {
        &self.session.options
    }

    /// Drives the work of a step, and ends it when the shutdown begins. The caller pins the work: taken by value, it would be in the future
    /// twice.
    pub(crate) async fn perform<T>(
        &self,
        step: Step,
        deadline: &Deadline,
        work: Pin<&mut (impl Future<Output = Result<T, Error>> + Send)>,
    ) -> Result<T, Error> {
        let work = pin!(self.session.unless_begun(work));
        self.carry_out(step, deadline, work).await
    }

    /// Drives the work of a step that continues after a shutdown has begun, because the shutdown wants the same.
    pub(crate) async fn carry_out<T>(
        &self,
        step: Step,
        deadline: &Deadline,
        work: Pin<&mut (impl Future<Output = Result<T, Error>> + Send)>,
    ) -> Result<T, Error> {
        need_runtime()?;
        let span = tracing::info_span!(
            "step",
            %step,
            state.from = ?self.state,
            pipeline.name = self.state.name(),
            pipeline.id = self.state.id().map(tracing::field::display)
        );
        let requester = &self.session.requester;
        span.in_scope(|| requester.tell_of(|subject| Event::StepStarted { subject, step }));
        let done = work.instrument(span.clone()).await;
        let elapsed = deadline.elapsed();
        span.in_scope(|| {
            requester.tell_of(|subject| match &done {
                Ok(_) => Event::StepFinished {
                    subject,
                    step,
                    elapsed,
                },
                Err(error) => Event::StepFailed {
                    subject,
                    step,
                    code: error.code(),
                    reason: Chain(error).to_string(),
                    elapsed,
                },
            });
        });
        done
    }

    /// Moves to the next state with what the step has proved, or returns the submission unchanged with the error.
    pub(crate) fn advance<T, N: State>(
        self,
        outcome: Result<T, Error>,
        next: impl FnOnce(S, T) -> N,
    ) -> Result<Submission<N>, TransitionError<S>> {
        match outcome {
            Ok(proof) => Ok(self.into_state(|state| next(state, proof))),
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }

    /// Moves to the next state.
    pub(crate) fn into_state<N: State>(self, next: impl FnOnce(S) -> N) -> Submission<N> {
        let Self { session, state } = self;
        let state = next(state);
        tracing::debug!(
            state.from = S::NAME,
            state.to = N::NAME,
            pipeline.id = state.id().map(tracing::field::display),
            "step taken"
        );
        Submission { session, state }
    }
}

impl<S: State> fmt::Debug for Submission<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Submission<{:?}>", self.state)
    }
}

/// A failed step, with the submission in the state it had before.
///
/// `?` turns it into an [`Error`]; a `match` gets the submission back, to retry or to give up in an orderly way:
///
/// ```
/// # use stepwell::{Error, PipelineSpec, Submission, TransitionError, state::Unconnected};
/// # async fn example(submission: Submission<Unconnected>) -> Result<(), Error> {
/// let connected = match submission.connect().await {
///     Ok(connected) => connected,
///     Err(failure) if failure.error().is_retryable() => failure.into_submission().connect().await?,
///     Err(failure) => return Err(failure.into_error()),
/// };
/// # drop(connected);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct TransitionError<S: State>(Box<(Error, Submission<S>)>);

impl<S: State> TransitionError<S> {
    pub(crate) fn new(error: impl Into<Error>, submission: Submission<S>) -> Self {
        Self(Box::new((error.into(), submission)))
    }

    /// The error.
    pub fn error(&self) -> &Error {
        &self.0.0
    }

    /// The error; the submission is dropped.
    pub fn into_error(self) -> Error {
        self.0.0
    }

    /// The submission in its previous state; the error is dropped.
    pub fn into_submission(self) -> Submission<S> {
        self.0.1
    }

    /// The error and the submission.
    pub fn into_parts(self) -> (Error, Submission<S>) {
        *self.0
    }
}

impl<S: State> From<TransitionError<S>> for Error {
    fn from(failure: TransitionError<S>) -> Self {
        failure.into_error()
    }
}

impl<S: State> fmt::Debug for TransitionError<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TransitionError")
            .field("error", &self.0.0)
            .field("submission", &self.0.1)
            .finish()
    }
}

impl<S: State> fmt::Display for TransitionError<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), formatter)
    }
}

impl<S: State> StdError for TransitionError<S> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error().source()
    }
}

const _: () =
    assert!(size_of::<Result<(), TransitionError<crate::state::Running>>>() == size_of::<usize>());

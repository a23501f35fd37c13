//! Putting a changed query in the place of a running pipeline: see [`Replacement`].
//!
//! ```text
//! Submission<Validated> ─replace─▶ Prepared ─stop_old─▶ OldStopped ─start_new─▶ NewStarted ─prove─▶ Proved ─commit─▶ Submission<Running>
//!                                      └──────────────────┴─────────────────────┴──────────────────┴─roll_back─▶ Submission<Registered>
//! ```
//!
//! ```
//! # use stepwell::{Error, Submission, state::{Registered, Running, Validated}};
//! # async fn example(new: Submission<Validated>, old: Submission<Registered>) -> Result<Submission<Running>, Error> {
//! let running = new
//!     .replace(old, Default::default()).await?
//!     .stop_old().await?
//!     .start_new().await?
//!     .prove().await?
//!     .commit().await?;
//! # Ok(running)
//! # }
//! ```
//!
//! A step that is forgotten does not compile:
//!
//! ```compile_fail,E0599
//! # use stepwell::{Error, Submission, state::{Registered, Running, Validated}};
//! # async fn example(new: Submission<Validated>, old: Submission<Registered>) -> Result<Submission<Running>, Error> {
//! let running = new
//!     .replace(old, Default::default()).await?
//!     .stop_old().await?
//!     .start_new().await?
//!     .commit().await?;
//! # Ok(running)
//! # }
//! ```

mod new_started;
mod old;
mod old_stopped;
mod options;
mod prepared;
mod proved;
mod replacement_error;
mod resume;
mod roll_back;

use std::fmt;

use stepwell_arroyo::PipelineId;

pub(crate) use self::old::Old;
pub use self::{
    new_started::NewStarted,
    old_stopped::OldStopped,
    options::ReplacementOptions,
    prepared::{NotPrepared, Prepared},
    proved::Proved,
    replacement_error::{MeantToRun, ReplacementError},
    resume::ReplacementResumed,
    roll_back::RollingBack,
};
use self::{old::FoundAs, roll_back::NewSoFar};

/// A changed query on its way into the place of an old pipeline. `S` is the last step that was taken.
///
/// Arroyo starts a changed query from nothing, so a replacement proves that the new query is valid, stops the old pipeline with a final
/// checkpoint, starts the new one, proves that it stays Running, and only then deletes the old one. If the new one does not come up,
/// [`roll_back`](Self::roll_back) ends it and puts the old one back as it was found. A step that fails returns the replacement in its
/// previous state ([`ReplacementFailure`]).
///
/// **At most one of the two is meant to run at any time**, and a rerun with the same old id and the same new spec
/// ([`resume`](Replacement::resume)) ends with exactly one, whatever happened before, also if this process was killed. The limits are in
/// `docs/guarantees.md`.
///
/// Dropping a replacement sends nothing; both pipelines stay with their [`Shutdown`](crate::Shutdown).
#[must_use = "a replacement does nothing until its next step is called"]
pub struct Replacement<S: ReplacementState> {
    old: Old,
    found_as: FoundAs,
    options: ReplacementOptions,
    state: S,
}

impl<S: ReplacementState> Replacement<S> {
    /// The id of the old pipeline.
    pub fn old_id(&self) -> &PipelineId {
        self.old.id()
    }

    /// The id of the new pipeline; `None` before it was found or created.
    pub fn new_id(&self) -> Option<&PipelineId> {
        self.state.new_id()
    }

    /// Moves to the next state.
    fn into_state<N: ReplacementState>(self, next: impl FnOnce(S) -> N) -> Replacement<N> {
        let Self {
            old,
            found_as,
            options,
            state,
        } = self;
        let state = next(state);
        tracing::debug!(
            state.from = S::NAME,
            state.to = N::NAME,
            old.id = %old.id(),
            new.id = state.new_id().map(tracing::field::display),
            "step of a replacement taken"
        );
        Replacement {
            old,
            found_as,
            options,
            state,
        }
    }

    fn fails<T>(self, error: ReplacementError) -> Result<T, ReplacementFailure<S>> {
        Err(ReplacementFailure(Box::new((error, self))))
    }
}

impl<S: ReplacementState> fmt::Debug for Replacement<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Replacement<{}>", S::NAME)
    }
}

// Unnameable on purpose: this is the seal.
#[allow(unnameable_types)]
mod sealed {
    use stepwell_arroyo::PipelineId;

    use super::NewSoFar;

    /// The seal of the states.
    pub trait Sealed {
        const NAME: &'static str;

        fn new_id(&self) -> Option<&PipelineId>;

        /// What has to be ended before the old pipeline is put back.
        fn into_new(self) -> NewSoFar;
    }
}

/// A state of a [`Replacement`]. Sealed.
pub trait ReplacementState: sealed::Sealed + fmt::Debug + Send + Sync + 'static {}

/// `Debug` prints only the short name, because the states contain the query.
macro_rules! states {
    ($($state:ident),*) => {$(
        impl ReplacementState for $state {}

        impl fmt::Debug for $state {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(stringify!($state))
            }
        }
    )*};
}

states!(Prepared, OldStopped, NewStarted, Proved, RollingBack);

/// A failed step, with the replacement in the state it had before: to try again, or to roll back.
#[must_use]
pub struct ReplacementFailure<S: ReplacementState>(Box<(ReplacementError, Replacement<S>)>);

impl<S: ReplacementState> ReplacementFailure<S> {
    /// The error.
    pub fn error(&self) -> &ReplacementError {
        &self.0.0
    }

    /// The error; the replacement is dropped.
    pub fn into_error(self) -> ReplacementError {
        self.0.0
    }

    /// The replacement in its previous state; the error is dropped.
    pub fn into_replacement(self) -> Replacement<S> {
        self.0.1
    }

    /// The error and the replacement.
    pub fn into_parts(self) -> (ReplacementError, Replacement<S>) {
        *self.0
    }
}

impl<S: ReplacementState> From<ReplacementFailure<S>> for ReplacementError {
    fn from(failure: ReplacementFailure<S>) -> Self {
        failure.into_error()
    }
}

impl<S: ReplacementState> From<ReplacementFailure<S>> for crate::Error {
    fn from(failure: ReplacementFailure<S>) -> Self {
        failure.into_error().into()
    }
}

impl<S: ReplacementState> fmt::Debug for ReplacementFailure<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReplacementFailure")
            .field("error", &self.0.0)
            .field("replacement", &self.0.1)
            .finish()
    }
}

impl<S: ReplacementState> fmt::Display for ReplacementFailure<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), formatter)
    }
}

impl<S: ReplacementState> std::error::Error for ReplacementFailure<S> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().source()
    }
}

//! Proved: the new pipeline has stayed Running.

use stepwell_arroyo::PipelineId;

use super::{
    MeantToRun, Old, Prepared, Replacement, ReplacementError, ReplacementFailure, ReplacementState,
    roll_back::NewSoFar, sealed::Sealed,
};
use crate::{chain::Chain, state::Running, submission::Submission};

/// The new pipeline has stayed Running.
///
/// Leaves by: [`commit`](Replacement::commit), [`roll_back`](Replacement::roll_back).
pub struct Proved {
    pub(super) new: Submission<Running>,
    /// Whether this value has certainly created it.
    pub(super) is_surely_ours: bool,
}

impl Sealed for Proved {
    const NAME: &'static str = "Proved";

    fn new_id(&self) -> Option<&PipelineId> {
        Some(self.new.id())
    }

    fn into_new(self) -> NewSoFar {
        NewSoFar::Registered {
            new: self.new.into_registered(),
            is_surely_ours: self.is_surely_ours,
        }
    }
}

/// # Proved
impl Replacement<Proved> {
    /// Deletes the old pipeline, or keeps it stopped
    /// ([`ReplacementOptions::with_keep_old`](super::ReplacementOptions::with_keep_old)), and returns the new one.
    ///
    /// # Errors
    ///
    /// [`ReplacementError::Old`] if it could not be deleted, or is not known to have been. The new one runs all the same.
    ///
    /// # Cancel safety
    ///
    /// A request that was sent takes effect even if the future is dropped. A rerun ([`Replacement::resume`]) goes on.
    pub async fn commit(mut self) -> Result<Submission<Running>, ReplacementFailure<Proved>> {
        let keeps_old = self.options.keep_old || matches!(self.old, Old::Gone(_));
        let old = match self.old.into_registered() {
            Some(old) if !keeps_old => old,
            _ => return Ok(self.state.new),
        };
        let id = old.id().clone();
        match old.delete().await {
            Ok(()) => Ok(self.state.new),
            Err(failure) => {
                let (error, old) = failure.into_parts();
                self.old = Old::Registered(old);
                self.fails(ReplacementError::Old {
                    old: id,
                    meant_to_run: MeantToRun::New,
                    source: Box::new(error),
                })
            }
        }
    }
}

/// # All steps
impl Replacement<Prepared> {
    /// Takes all steps: stops the old pipeline, starts and proves the new one, and commits. If one fails before the commit, it rolls back.
    ///
    /// # Errors
    ///
    /// [`ReplacementError::RolledBack`] with the reason; [`ReplacementError::NotRolledBack`] if the roll-back failed, too. A commit that
    /// fails is not rolled back, because the new pipeline runs: [`ReplacementError::Old`]. A rerun ([`Replacement::resume`]) goes on.
    ///
    /// # Cancel safety
    ///
    /// Requests that were sent take effect even if the future is dropped. A rerun ([`Replacement::resume`]) goes on.
    pub async fn run(self) -> Result<Submission<Running>, ReplacementError> {
        let old_stopped = match self.stop_old().await {
            Ok(old_stopped) => old_stopped,
            Err(failure) => return Err(roll_back(failure).await),
        };
        Box::pin(old_stopped.run()).await
    }
}

/// # All further steps
impl Replacement<super::OldStopped> {
    /// Takes all further steps, as [`Replacement::<Prepared>::run`] does.
    ///
    /// # Errors
    ///
    /// As [`Replacement::<Prepared>::run`].
    ///
    /// # Cancel safety
    ///
    /// As [`Replacement::<Prepared>::run`].
    pub async fn run(self) -> Result<Submission<Running>, ReplacementError> {
        let new_started = match self.start_new().await {
            Ok(new_started) => new_started,
            Err(failure) => return Err(roll_back(failure).await),
        };
        match new_started.prove().await {
            Ok(proved) => Ok(proved.commit().await?),
            Err(failure) => Err(roll_back(failure).await),
        }
    }
}

/// Rolls back after a failure, and returns the error that tells of both.
async fn roll_back<S: ReplacementState>(failure: ReplacementFailure<S>) -> ReplacementError {
    let (error, replacement) = failure.into_parts();
    let old = replacement.old_id().clone();
    let meant_to_run = replacement.found_as.meant_to_run();
    match replacement.roll_back().await {
        Ok(_) => ReplacementError::RolledBack {
            old,
            meant_to_run,
            source: Box::new(error),
        },
        Err(failure) => ReplacementError::NotRolledBack {
            reason: Chain(&error).to_string(),
            source: Box::new(failure.into_error()),
        },
    }
}

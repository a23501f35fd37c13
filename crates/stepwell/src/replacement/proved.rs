//! Proved: the new pipeline has stayed Running.

use stepwell_arroyo::PipelineId;
use stepwell_transport::Phase;

use super::{
    MeantToRun, Old, Prepared, Replacement, ReplacementError, ReplacementFailure, ReplacementState,
    old::{is_over, read_job},
    roll_back::NewSoFar,
    sealed::Sealed,
};
use crate::{
    chain::Chain,
    change::ChangeError,
    error::{Error, StopError},
    job::ended::has_ended,
    state::Running,
    submission::Submission,
};

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

impl Proved {
    /// Fails if the new pipeline has ended.
    async fn still_runs(&self) -> Result<(), Error> {
        match self.new.read_job().await? {
            Some(job) if has_ended(&job) => Err(StopError::EndedOtherwise {
                id: self.new.id().clone(),
                job: Box::new(job),
            }
            .into()),
            _ => Ok(()),
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
    /// [`ReplacementError::New`] if the new one has ended since it was proved, or cannot be read; nothing was deleted then.
    /// [`ReplacementError::Old`] if the old one could not be deleted, or is not known to have been, and if another client has started it again
    /// ([`MeantToRun::Both`]). The new one runs all the same.
    ///
    /// # Cancel safety
    ///
    /// A request that was sent takes effect even if the future is dropped. A rerun ([`Replacement::resume`]) goes on.
    pub async fn commit(mut self) -> Result<Submission<Running>, ReplacementFailure<Proved>> {
        let id = self.old_id().clone();
        // Time may have passed since it was proved.
        if let Err(source) = self.state.still_runs().await {
            let error = ReplacementError::New {
                new: Some(self.state.new.id().clone()),
                meant_to_run: MeantToRun::Unknown,
                source: Box::new(source),
            };
            return self.fails(error);
        }
        let (error, old) = match self.old.into_registered() {
            None => return Ok(self.state.new),
            Some(old) if self.options.keep_old => match read_job(&old.session, &id).await {
                Ok(job) if is_over(&old.session, job.as_ref()) => return Ok(self.state.new),
                Ok(_) => (StopError::Resumed { id: id.clone() }.into(), old),
                Err(Error::Change {
                    source: ChangeError::Vanished { .. },
                }) => return Ok(self.state.new),
                Err(error) => (error, old),
            },
            Some(old) => match old.delete().await {
                Ok(()) => return Ok(self.state.new),
                Err(failure) => failure.into_parts(),
            },
        };
        self.old = Old::Registered(old);
        // If the old one is deleted yet, the new one is the only one, so a roll-back keeps it.
        self.state.is_surely_ours &= error.phase() != Phase::MaybeSent;
        let meant_to_run = match &error {
            Error::Change {
                source: ChangeError::StillRunning { .. },
            }
            | Error::Stop { .. } => MeantToRun::Both,
            _ => MeantToRun::New,
        };
        self.fails(ReplacementError::Old {
            old: id,
            meant_to_run,
            source: Box::new(error),
        })
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
            Ok(proved) => match proved.commit().await {
                Err(failure) if matches!(failure.error(), ReplacementError::New { .. }) => {
                    Err(roll_back(failure).await)
                }
                committed => Ok(committed?),
            },
            Err(failure) => Err(roll_back(failure).await),
        }
    }
}

/// Rolls back after a failure, and returns the error that tells of both.
async fn roll_back<S: ReplacementState>(failure: ReplacementFailure<S>) -> ReplacementError {
    let (error, replacement) = failure.into_parts();
    let old = replacement.old_id().clone();
    match replacement.put_back().await {
        Ok((_, meant_to_run)) => ReplacementError::RolledBack {
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

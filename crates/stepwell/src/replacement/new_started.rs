//! `NewStarted`: the new pipeline was created, or resumed.

use stepwell_arroyo::PipelineId;

use super::{
    MeantToRun, Proved, Replacement, ReplacementError, ReplacementFailure, roll_back::NewSoFar,
    sealed::Sealed,
};
use crate::{
    error::{Error, WaitError},
    state::Registered,
    submission::Submission,
};

/// The new pipeline was created, or resumed, and has to show that it stays Running.
///
/// Leaves by: [`prove`](Replacement::prove), [`roll_back`](Replacement::roll_back).
pub struct NewStarted {
    pub(super) new: Submission<Registered>,
    /// Whether this value has certainly created it.
    pub(super) is_surely_ours: bool,
}

impl Sealed for NewStarted {
    const NAME: &'static str = "NewStarted";

    fn new_id(&self) -> Option<&PipelineId> {
        Some(self.new.id())
    }

    fn into_new(self) -> NewSoFar {
        NewSoFar::Registered {
            new: self.new,
            is_surely_ours: self.is_surely_ours,
        }
    }
}

/// # New started
impl Replacement<NewStarted> {
    /// Waits until the new pipeline is Running, and stays so in one run for at least 6 s
    /// ([`ReplacementOptions::with_proof_of`](super::ReplacementOptions::with_proof_of)).
    ///
    /// # Errors
    ///
    /// [`ReplacementError::New`], also if it has finished: there is nothing that could take the old one's place.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads. A rerun ([`Replacement::resume`]) goes on.
    pub async fn prove(self) -> Result<Replacement<Proved>, ReplacementFailure<NewStarted>> {
        let Self {
            old,
            found_as,
            options,
            state: NewStarted {
                new,
                is_surely_ours,
            },
        } = self;
        match new.wait_until_stable(options.proof_of).await {
            Ok(new) => Ok(Replacement {
                old,
                found_as,
                options,
                state: Proved {
                    new,
                    is_surely_ours,
                },
            }),
            Err(failure) => {
                let (error, new) = failure.into_parts();
                let meant_to_run = match &error {
                    Error::Wait {
                        source:
                            WaitError::Failed { .. }
                            | WaitError::Stopped { .. }
                            | WaitError::Finished { .. }
                            | WaitError::Vanished { .. },
                    } => MeantToRun::Neither,
                    _ => MeantToRun::New,
                };
                let id = new.id().clone();
                let failed = Self {
                    old,
                    found_as,
                    options,
                    state: NewStarted {
                        new,
                        is_surely_ours,
                    },
                };
                failed.fails(ReplacementError::New {
                    new: Some(id),
                    meant_to_run,
                    source: Box::new(error),
                })
            }
        }
    }
}

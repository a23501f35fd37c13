//! `OldStopped`: the old pipeline has ended.

use stepwell_arroyo::PipelineId;

use super::{
    MeantToRun, NewStarted, Replacement, ReplacementError, ReplacementFailure, roll_back::NewSoFar,
    sealed::Sealed,
};
use crate::{
    error::{Error, ResolveError},
    resolve::Resolution,
    state::Validated,
    submission::Submission,
};

/// The old pipeline has ended, and the new one was not started.
///
/// Leaves by: [`start_new`](Replacement::start_new), [`roll_back`](Replacement::roll_back).
pub struct OldStopped {
    pub(super) new: Submission<Validated>,
    /// An id that the server holds without showing a pipeline under it.
    burnt: Option<PipelineId>,
}

impl OldStopped {
    pub(super) fn new(new: Submission<Validated>) -> Self {
        Self { new, burnt: None }
    }
}

impl Sealed for OldStopped {
    const NAME: &'static str = "OldStopped";

    fn new_id(&self) -> Option<&PipelineId> {
        None
    }

    fn into_new(self) -> NewSoFar {
        NewSoFar::Validated {
            new: self.new,
            burnt: self.burnt,
        }
    }
}

/// # Old stopped
impl Replacement<OldStopped> {
    /// Creates the new pipeline, or resumes it if an earlier replacement has created it: [`Submission::resolve`].
    ///
    /// # Errors
    ///
    /// [`ReplacementError::New`]; a create in doubt is settled first by the next call.
    ///
    /// # Cancel safety
    ///
    /// As [`Submission::resolve`]. A rerun ([`Replacement::resume`]) goes on.
    pub async fn start_new(
        self,
    ) -> Result<Replacement<NewStarted>, ReplacementFailure<OldStopped>> {
        let Self {
            old,
            found_as,
            options,
            state: OldStopped { new, .. },
        } = self;
        match new.resolve().await {
            Ok(resolution) => {
                let is_surely_ours = matches!(resolution, Resolution::Created(_));
                let state = NewStarted {
                    new: resolution.register(),
                    is_surely_ours,
                };
                Ok(Replacement {
                    old,
                    found_as,
                    options,
                    state,
                })
            }
            Err(failure) => {
                let (error, new) = failure.into_parts();
                let burnt = match &error {
                    Error::Resolve {
                        source: ResolveError::Burnt { id, .. },
                    } => Some(id.clone()),
                    _ => None,
                };
                let is_in_doubt = new.has_create_in_doubt() || new.session.ticket.has_doubt();
                let meant_to_run = if is_in_doubt {
                    MeantToRun::Unknown
                } else {
                    MeantToRun::Neither
                };
                let failed = Self {
                    old,
                    found_as,
                    options,
                    state: OldStopped { new, burnt },
                };
                failed.fails(ReplacementError::New {
                    new: error.pipeline_id().cloned(),
                    meant_to_run,
                    source: Box::new(error),
                })
            }
        }
    }
}

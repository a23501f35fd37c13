//! `OldStopped`: the old pipeline has ended.

use stepwell_arroyo::{Job, JobState, PipelineId};

use super::{
    MeantToRun, NewStarted, Replacement, ReplacementError, ReplacementFailure,
    old::{is_over, read_job},
    roll_back::NewSoFar,
    sealed::Sealed,
};
use crate::{
    change::ChangeError,
    error::{Error, ResolveError, StopError},
    job::verdict::TWO_TICKS,
    resolve::{Action, Resolution},
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
    /// Whether the new one was seen to be absent.
    is_absent: bool,
}

impl OldStopped {
    pub(super) fn new(new: Submission<Validated>, is_absent: bool) -> Self {
        Self {
            new,
            burnt: None,
            is_absent,
        }
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
    /// Creates the new pipeline, or resumes it if an earlier replacement has created it: [`Submission::resolve`]. Reads the old one first.
    ///
    /// # Errors
    ///
    /// [`ReplacementError::New`]; a create in doubt is settled first by the next call. [`ReplacementError::Old`] if the old one cannot be
    /// read, or another client has started it again.
    ///
    /// # Cancel safety
    ///
    /// As [`Submission::resolve`]. A rerun ([`Replacement::resume`]) goes on.
    pub async fn start_new(
        self,
    ) -> Result<Replacement<NewStarted>, ReplacementFailure<OldStopped>> {
        if let Err(error) = Box::pin(self.look_at_old()).await {
            return self.fails(error);
        }
        let Self {
            old,
            found_as,
            options,
            state: OldStopped { new, is_absent, .. },
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
                let ticket = &new.session.ticket;
                let may_run =
                    new.has_create_in_doubt() || ticket.has_doubt() || ticket.has_pipeline();
                let is_none = is_definite(&error) || is_absent;
                let meant_to_run = if may_run || !is_none {
                    MeantToRun::Unknown
                } else {
                    MeantToRun::Neither
                };
                let failed = Self {
                    old,
                    found_as,
                    options,
                    state: OldStopped {
                        new,
                        burnt,
                        is_absent,
                    },
                };
                failed.fails(ReplacementError::New {
                    new: error.pipeline_id().cloned(),
                    meant_to_run,
                    source: Box::new(error),
                })
            }
        }
    }

    /// Another client may have started the old one again, or deleted it: only in the first case there would be two.
    async fn look_at_old(&self) -> Result<(), ReplacementError> {
        let Some(session) = self.old.session() else {
            return Ok(());
        };
        let old = self.old_id();
        let mut job = read_job(session, old).await;
        // It may just have been restarted, which shows at the next tick of the controller.
        let may_restart = |job: &Job| job.state == JobState::Failed && job.running_desired;
        if matches!(&job, Ok(Some(job)) if may_restart(job)) {
            tokio::time::sleep(TWO_TICKS).await;
            job = read_job(session, old).await;
        }
        let (meant_to_run, source) = match job {
            Ok(job) if is_over(session, job.as_ref()) => return Ok(()),
            Err(Error::Change {
                source: ChangeError::Vanished { .. },
            }) => return Ok(()),
            Ok(_) => {
                let id = old.clone();
                (MeantToRun::Old, StopError::Resumed { id }.into())
            }
            Err(error) => (MeantToRun::Unknown, error),
        };
        Err(ReplacementError::Old {
            old: old.clone(),
            meant_to_run,
            source: Box::new(source),
        })
    }
}

/// Whether the failure to resolve says that there is no new pipeline that could run.
fn is_definite(error: &Error) -> bool {
    matches!(
        error,
        Error::Resolve {
            source: ResolveError::OtherPipelines { .. }
                | ResolveError::NoneWithId { .. }
                | ResolveError::NothingToResume { .. }
                | ResolveError::Conflict { .. }
                | ResolveError::Finished { .. }
                | ResolveError::Burnt { .. }
                | ResolveError::Rejected {
                    action: Action::Create,
                    ..
                },
        }
    )
}

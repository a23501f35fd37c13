//! Rolling back: the new pipeline is ended, and the old one is put back as it was found.

use std::pin::pin;

use stepwell_arroyo::PipelineId;

use super::{
    FoundAs, MeantToRun, Old, Replacement, ReplacementError, ReplacementFailure, ReplacementState,
    old::read_job, sealed::Sealed,
};
use crate::{
    change::{Change, ChangeError, delete::Deleting, start::start},
    error::{Error, StopError},
    job::{record::Expected, verdict::Baseline},
    observe::Step,
    resolve::{
        self, Plan, ResolveError,
        attempt::CreateAttempt,
        settle::{Claims, SettleOutcome, settle},
    },
    session::{Deadline, Session},
    shutdown::{discard::discard, stop_pipeline::Stop},
    state::{Registered, Validated},
    submission::Submission,
};

/// A roll-back that has failed, and remembers how far it came.
///
/// Leaves by: [`roll_back`](Replacement::roll_back), which goes on.
pub struct RollingBack {
    new: NewSoFar,
}

/// The new pipeline, as far as the replacement has come with it.
#[derive(Debug)]
#[allow(
    unnameable_types,
    unreachable_pub,
    reason = "visible through a sealed trait"
)]
pub enum NewSoFar {
    /// It was not created, or that is in doubt.
    Validated {
        new: Submission<Validated>,
        /// An id that the server holds without showing a pipeline under it.
        burnt: Option<PipelineId>,
    },
    Registered {
        new: Submission<Registered>,
        is_surely_ours: bool,
    },
    /// It was ended.
    Ended(Option<PipelineId>),
}

impl NewSoFar {
    pub(super) fn validated(new: Submission<Validated>) -> Self {
        Self::Validated { new, burnt: None }
    }

    fn id(&self) -> Option<&PipelineId> {
        match self {
            Self::Validated { .. } => None,
            Self::Registered { new, .. } => Some(new.id()),
            Self::Ended(id) => id.as_ref(),
        }
    }
}

impl Sealed for RollingBack {
    const NAME: &'static str = "RollingBack";

    fn new_id(&self) -> Option<&PipelineId> {
        self.new.id()
    }

    fn into_new(self) -> NewSoFar {
        self.new
    }
}

/// # In every state
impl<S: ReplacementState> Replacement<S> {
    /// Ends the new pipeline, and puts the old one back as it was found: one that ran is started again, from its final checkpoint.
    ///
    /// The old one is read first; if it is gone, nothing is touched. The new one is deleted only if this value has certainly created it and
    /// has not begun to delete the old one, and is stopped otherwise. While it is unknown whether it was created, here or by another
    /// submission under the same [`Shutdown`](crate::Shutdown), the old one is not started.
    ///
    /// It goes on after [`Shutdown::drain`](crate::Shutdown::drain), and starts nothing once a shutdown that stops has begun. It does not
    /// make the old pipeline one that was started here.
    ///
    /// # Errors
    ///
    /// [`ReplacementError::OldGone`], [`ReplacementError::NewInDoubt`], [`ReplacementError::New`] and [`ReplacementError::Old`]. Hands back a
    /// value that remembers how far it came.
    ///
    /// # Cancel safety
    ///
    /// Requests that were sent take effect even if the future is dropped. A rerun ([`Replacement::resume`]) goes on.
    pub async fn roll_back(
        self,
    ) -> Result<Submission<Registered>, ReplacementFailure<RollingBack>> {
        Ok(self.put_back().await?.0)
    }

    /// The same, and tells which of the two is meant to run now.
    pub(super) async fn put_back(
        self,
    ) -> Result<(Submission<Registered>, MeantToRun), ReplacementFailure<RollingBack>> {
        let mut rolling = self.into_state(|state| RollingBack {
            new: state.into_new(),
        });
        if let Err(error) = Box::pin(rolling.look_at_old()).await {
            return rolling.fails(error);
        }
        // In boxes, so that the future of the caller does not hold every way of ending.
        let (new, ended) = Box::pin(end(rolling.state.new, &rolling.old)).await;
        rolling.state.new = new;
        if let Err(error) = ended {
            return rolling.fails(error);
        }
        Box::pin(rolling.start_old()).await
    }
}

impl Replacement<RollingBack> {
    /// A commit may be in doubt: if the old one is gone, the new one is the only one.
    async fn look_at_old(&self) -> Result<(), ReplacementError> {
        let (old, new) = (self.old_id(), self.new_id());
        let gone = || ReplacementError::OldGone {
            old: old.clone(),
            new: new.cloned(),
        };
        let Some(session) = self.old.session() else {
            return Err(gone());
        };
        match read_job(session, old).await {
            Ok(_) => Ok(()),
            Err(Error::Change {
                source: ChangeError::Vanished { .. },
            }) => Err(gone()),
            Err(error) => {
                let meant_to_run = MeantToRun::Unknown;
                Err(ReplacementError::Old {
                    old: old.clone(),
                    meant_to_run,
                    source: Box::new(error),
                })
            }
        }
    }

    /// Starts the old pipeline if it ran when it was found, and has not finished since.
    async fn start_old(
        mut self,
    ) -> Result<(Submission<Registered>, MeantToRun), ReplacementFailure<RollingBack>> {
        let id = self.old_id().clone();
        let old = std::mem::replace(&mut self.old, Old::Gone(id.clone()));
        let Some(old) = old.into_registered() else {
            let (old, new) = (id, self.new_id().cloned());
            return self.fails(ReplacementError::OldGone { old, new });
        };
        if self.found_as == FoundAs::Ended {
            return Ok((old, MeantToRun::Neither));
        }
        old.session.puts_back(true);
        let deadline = old.session.deadline(Step::Start);
        let started = {
            let work = pin!(start(&old.session, &id, &deadline));
            // It goes on after a drain has begun; what a stop would forbid is refused when it is noted.
            old.carry_out(Step::Start, &deadline, work).await
        };
        old.session.puts_back(false);
        match started {
            Ok(baseline) => {
                let old = old.into_state(|registered| Registered {
                    baseline,
                    ..registered
                });
                Ok((old, MeantToRun::Old))
            }
            Err(Error::Change {
                source: ChangeError::Finished { .. },
            }) => Ok((old, MeantToRun::Neither)),
            Err(error) => {
                let is_unknown = old.session.ticket.has_doubt()
                    || error.phase() == stepwell_transport::Phase::MaybeSent
                        && !matches!(error, Error::ShutdownBegun);
                self.old = Old::Registered(old);
                let meant_to_run = if is_unknown {
                    MeantToRun::Unknown
                } else {
                    MeantToRun::Neither
                };
                self.fails(ReplacementError::Old {
                    old: id,
                    meant_to_run,
                    source: Box::new(error),
                })
            }
        }
    }
}

/// Ends the new pipeline, and returns how far that came.
async fn end(new: NewSoFar, old: &Old) -> (NewSoFar, Result<(), ReplacementError>) {
    match new {
        NewSoFar::Validated { new, burnt } => end_validated(new, burnt, old).await,
        NewSoFar::Registered {
            new,
            is_surely_ours,
        } => {
            let id = new.id().clone();
            let deadline = new.session.deadline(Step::Stop);
            let ended = {
                let (pipeline, baseline) = (&new.state.pipeline, &new.state.baseline);
                let work = pin!(async {
                    if is_surely_ours {
                        return discard(&new.session, pipeline, baseline, &deadline).await;
                    }
                    stop(&new.session, &id, baseline, deadline).await
                });
                new.carry_out(Step::Stop, &deadline, work).await
            };
            match ended {
                Ok(()) => (NewSoFar::Ended(Some(id)), Ok(())),
                Err(source) => {
                    let error = not_ended(&new.session, Some(id), source);
                    let new = NewSoFar::Registered {
                        new,
                        is_surely_ours,
                    };
                    (new, Err(error))
                }
            }
        }
        NewSoFar::Ended(id) => (NewSoFar::Ended(id), Ok(())),
    }
}

/// Settles a create in doubt, and ends what it has made; frees an id that was burnt.
async fn end_validated(
    new: Submission<Validated>,
    burnt: Option<PipelineId>,
    old: &Old,
) -> (NewSoFar, Result<(), ReplacementError>) {
    let session = &new.session;
    let deadline = session.deadline(Step::Stop);
    let (id, ended) = match settled(&new, &deadline).await {
        Err(attempt) => {
            let error = ReplacementError::NewInDoubt {
                old: old.id().clone(),
                new: attempt.id().cloned(),
            };
            return (NewSoFar::Validated { new, burnt }, Err(error));
        }
        Ok(Some(id)) => {
            let stopped = stop(session, &id, &Baseline::none(), deadline).await;
            (Some(id), stopped)
        }
        Ok(None) => match burnt.clone() {
            Some(id) => {
                let freed = free(session, &id, &deadline).await;
                (Some(id), freed)
            }
            // An earlier replacement may have created it, or the attempt to resume it may have failed halfway.
            None => match there(&new, &deadline).await {
                Ok(None) => (None, Ok(())),
                Ok(Some(id)) => {
                    let stopped = stop(session, &id, &Baseline::none(), deadline).await;
                    (Some(id), stopped)
                }
                Err(source) => (None, Err(source)),
            },
        },
    };
    match ended {
        Ok(()) => (NewSoFar::Ended(id), Ok(())),
        Err(source) => {
            let error = not_ended(&new.session, id, source);
            (NewSoFar::Validated { new, burnt }, Err(error))
        }
    }
}

/// Finds out what has become of a create in doubt, of this submission or of another one of its spec that was dropped. Returns the pipeline
/// that it has made, and the attempt if that stays unknown.
async fn settled(
    new: &Submission<Validated>,
    deadline: &Deadline,
) -> Result<Option<PipelineId>, CreateAttempt> {
    let session = &new.session;
    let (registry, server) = (session.ticket.registry(), session.requester.server());
    let deadline = deadline.within(session.options.settle_timeout);
    let own = new.state.attempt.as_ref();
    let (attempt, by) = if let Some(attempt) = own.filter(|attempt| attempt.in_doubt()) {
        (attempt.clone(), session.ticket.id())
    } else {
        let in_doubt =
            || registry.create_in_doubt(server, &new.state.spec, false, session.ticket.id());
        if let Some(other) = in_doubt().filter(|other| other.is_under_way) {
            let quiet = tokio::time::timeout(deadline.remaining(), registry.quiet(other.id));
            if quiet.await.is_err() {
                return Err(other.attempt);
            }
        }
        match in_doubt() {
            None => return Ok(None),
            Some(other) => (other.attempt, other.id),
        }
    };
    let claims = Claims {
        registry,
        server,
        by,
    };
    match settle(&session.requester, &attempt, claims, deadline).await {
        SettleOutcome::Found(pipeline) => {
            registry.know(by, &pipeline.id);
            session.found(&pipeline.id, true);
            Ok(Some(pipeline.id))
        }
        // Ours was refused.
        SettleOutcome::Conflict(_) => {
            registry.made_nothing(by);
            Ok(None)
        }
        SettleOutcome::Ambiguous(_) | SettleOutcome::Absent | SettleOutcome::Failed(_) => {
            Err(attempt)
        }
    }
}

/// Frees an id that the server holds without showing a pipeline under it.
async fn free(session: &Session, id: &PipelineId, deadline: &Deadline) -> Result<(), Error> {
    let freeing = Deleting {
        session,
        id,
        ended: None,
        expected: Expected::nothing(),
        step: Step::Delete,
        deadline,
    };
    let freed = freeing.run().await.map_err(|failure| {
        let error = failure.into_client_error();
        ChangeError::failed(Change::Delete, id, deadline, false, error)
    });
    Ok(freed?)
}

/// Looks for the new pipeline; `None` if there is none, or it has finished.
async fn there(
    new: &Submission<Validated>,
    deadline: &Deadline,
) -> Result<Option<PipelineId>, Error> {
    // What was found once is not looked for again: a node that lags behind may not show it.
    if let Some(found) = new.session.ticket.pipeline() {
        return Ok(Some(found));
    }
    let Validated { spec, .. } = &new.state;
    let existing = match resolve::plan(&new.session, spec, None, deadline).await {
        Ok(Plan::Resume { pipeline, .. }) => pipeline,
        Ok(_) => return Ok(None),
        Err(Error::Resolve { source }) => match source {
            ResolveError::UdfsDiffer { existing } | ResolveError::AlreadyExists { existing } => {
                existing
            }
            ResolveError::OtherPipelines { .. }
            | ResolveError::NoneWithId { .. }
            | ResolveError::NothingToResume { .. }
            | ResolveError::Conflict { .. }
            | ResolveError::Finished { .. } => return Ok(None),
            source => return Err(source.into()),
        },
        Err(error) => return Err(error),
    };
    Ok(Some(existing.id))
}

/// Stops a pipeline that this value has not certainly created. Whichever way it has ended, it does not run.
async fn stop(
    session: &Session,
    id: &PipelineId,
    baseline: &Baseline,
    deadline: Deadline,
) -> Result<(), Error> {
    let mode = session.options.stop_mode.clone();
    let stop = Stop::of(session, id, mode, baseline, deadline);
    match Box::pin(stop.run()).await {
        Ok(ending) => session.ticket.has_ended(&ending.job),
        Err(StopError::Vanished { .. }) => session.ticket.forget(),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Without an id, it is not known to be there; and the error may be that of a look after a stop that was accepted.
fn not_ended(session: &Session, new: Option<PipelineId>, source: Error) -> ReplacementError {
    let meant_to_run = if new.is_some() && !session.sight.is_told_to_stop() {
        MeantToRun::New
    } else {
        MeantToRun::Unknown
    };
    ReplacementError::New {
        new,
        meant_to_run,
        source: Box::new(source),
    }
}

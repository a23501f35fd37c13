//! Deleting a pipeline that has ended.

use stepwell_arroyo::{ClientError, Job, JobState, Operation, PipelineId};

use super::{
    Change, ChangeError,
    look::{LEAST_PAUSE, Looking},
};
use crate::{
    error::Error,
    job::{
        ended::has_ended,
        record::Expected,
        watch::{Look, Watch},
    },
    observe::Step,
    session::{
        Deadline, Session,
        retry::{Failure, GONE_AFTER, Request, is_gone},
        to_completion,
    },
};

/// Deletes the pipeline if it has ended. It is no error if it is gone already.
pub(crate) async fn delete(
    session: &Session,
    id: &PipelineId,
    expected: Expected,
    deadline: &Deadline,
) -> Result<(), Error> {
    let looking = Looking {
        session,
        id,
        change: Change::Delete,
        deadline,
        expected,
    };
    match looking.job().await {
        Ok(job) => {
            if let Some(job) = job.as_ref().filter(|job| !has_ended(job)) {
                let (id, state) = (id.clone(), job.state.clone());
                return Err(ChangeError::StillRunning { id, state }.into());
            }
            let deleting = Deleting {
                session,
                id,
                ended: job.as_ref(),
                expected,
                step: Step::Delete,
                deadline,
            };
            deleting.run().await.map_err(|failure| match failure {
                DeleteFailure::RunsAgain(state, _) => {
                    let id = id.clone();
                    ChangeError::StillRunning { id, state }
                }
                DeleteFailure::Failed { in_doubt, error } => {
                    ChangeError::failed(Change::Delete, id, deadline, in_doubt, error)
                }
            })?;
        }
        Err(ChangeError::Vanished { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    session.ticket.was_deleted();
    Ok(())
}

/// A pipeline to delete that has ended.
pub(crate) struct Deleting<'a> {
    pub(crate) session: &'a Session,
    pub(crate) id: &'a PipelineId,
    /// Its job as it was seen last; `None` if it has none, or was found gone.
    pub(crate) ended: Option<&'a Job>,
    pub(crate) expected: Expected,
    pub(crate) step: Step,
    pub(crate) deadline: &'a Deadline,
}

/// Why a pipeline was not deleted.
pub(crate) enum DeleteFailure {
    /// It was started again, by another client, and the server has refused to delete it.
    RunsAgain(JobState, ClientError),
    /// The request failed. `in_doubt`: it may have been deleted all the same.
    Failed { in_doubt: bool, error: ClientError },
}

impl DeleteFailure {
    pub(crate) fn into_client_error(self) -> ClientError {
        match self {
            Self::RunsAgain(_, error) | Self::Failed { error, .. } => error,
        }
    }
}

impl Deleting<'_> {
    /// Deletes the pipeline. A look between the tries tells it from one that another client has made under its id, and whether a 404 is that
    /// of a node that lags behind.
    pub(crate) async fn run(&self) -> Result<(), DeleteFailure> {
        let (session, id, deadline) = (self.session, self.id, self.deadline);
        let mut watch = Watch::of(session, id, self.step, deadline, self.expected);
        if let Some(job) = self.ended {
            watch.has_seen(job);
        }
        let mut in_doubt = false;
        let mut tries = watch.tries(Request::Delete);
        loop {
            let (client, left) = tries.client();
            let owned = id.clone();
            let cut_off = || {
                let client = &session.requester.client;
                client.cut_off(Operation::Delete, id.as_str())
            };
            let guard = session.ticket.is_busy();
            let sending = async move {
                let deleted = client.delete(&owned).await;
                drop(guard);
                deleted
            };
            let error = match watch.beside(to_completion(sending, cut_off)).await {
                Ok(()) => {
                    tries.answered();
                    return Ok(());
                }
                Err(error) => error,
            };
            if is_gone(&error) && self.ended.is_none() {
                return Ok(());
            }
            in_doubt |= is_gone(&error) || !Failure::of(&error).changed_nothing();
            let failed = |error| DeleteFailure::Failed { in_doubt, error };
            let (pause, failure) = if is_gone(&error) && !deadline.is_over() {
                (tries.failed(&error), Some(error))
            } else {
                let pause = tries.pause(error, left).map_err(failed)?;
                (pause, tries.take_failure())
            };
            watch.take_back(&mut tries);
            watch.sleep(pause).await;
            match (self.is_shown(&mut watch).await.map_err(failed)?, failure) {
                (Shown::Gone, _) => return Ok(()),
                // What one look shows may be that of a node that lags behind; the refusal is not. After a stop of ours it is.
                (Shown::Yes(Some(state)), Some(error))
                    if self.step == Step::Delete && is_refused(&error) =>
                {
                    return Err(DeleteFailure::RunsAgain(state, error));
                }
                (Shown::NotKnown, Some(error)) => return Err(failed(error)),
                (Shown::Yes(_) | Shown::NotKnown, _) => {}
            }
            watch.lend(&mut tries);
        }
    }

    /// Looks whether the pipeline is still there.
    async fn is_shown(&self, watch: &mut Watch) -> Result<Shown, ClientError> {
        let patience = self.deadline.within(GONE_AFTER);
        loop {
            match watch.look().await {
                Look::Vanished => return Ok(Shown::Gone),
                Look::Rejected(error) => return Err(error),
                Look::Job(job) => {
                    return Ok(Shown::Yes((!has_ended(&job)).then_some(job.state)));
                }
                Look::NoJob | Look::Failed if self.deadline.is_over() => {
                    return Ok(Shown::NotKnown);
                }
                // As a stop is, it is repeated blindly in the end.
                Look::NoJob | Look::Failed if !watch.is_missing() && patience.is_over() => {
                    return Ok(Shown::Yes(None));
                }
                Look::NoJob | Look::Failed => {
                    let pause = watch.retry_pause();
                    watch.sleep(pause.max(LEAST_PAUSE)).await;
                }
            }
        }
    }
}

/// Whether the server has refused to delete the pipeline, which it knows.
fn is_refused(error: &ClientError) -> bool {
    !is_gone(error)
        && error
            .status()
            .is_some_and(|status| status.is_client_error())
}

/// Whether a pipeline that was to be deleted is still there.
enum Shown {
    /// With the state of its job, if that runs again.
    Yes(Option<JobState>),
    Gone,
    NotKnown,
}

//! The old pipeline of a replacement.

use stepwell_arroyo::{Job, PipelineId};

use crate::{
    change::{Change, look::Looking},
    error::Error,
    job::{ended::has_ended, record::Expected},
    observe::Step,
    session::{Session, need_runtime},
    state::{Registered, Stopped},
    submission::Submission,
};

/// The old pipeline, as far as the replacement has come with it.
#[derive(Debug)]
pub(crate) enum Old {
    Registered(Submission<Registered>),
    Stopped(Submission<Stopped>),
    /// It was stopped here, without a final checkpoint.
    StoppedWithoutCheckpoint(Submission<Stopped>),
    /// It was deleted before this replacement began.
    Gone(PipelineId),
}

/// How the old pipeline was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundAs {
    /// It ran, or was meant to.
    Running,
    /// It had ended, and is left so.
    Ended,
}

impl FoundAs {
    pub(super) fn of(session: &Session, job: Option<&Job>) -> Self {
        if is_over(session, job) {
            Self::Ended
        } else {
            Self::Running
        }
    }
}

impl Old {
    pub(super) fn id(&self) -> &PipelineId {
        match self {
            Self::Registered(old) => old.id(),
            Self::Stopped(old) | Self::StoppedWithoutCheckpoint(old) => old.id(),
            Self::Gone(id) => id,
        }
    }

    pub(super) fn session(&self) -> Option<&Session> {
        match self {
            Self::Registered(old) => Some(&old.session),
            Self::Stopped(old) | Self::StoppedWithoutCheckpoint(old) => Some(&old.session),
            Self::Gone(_) => None,
        }
    }

    /// Whatever was seen of its end.
    pub(super) fn into_registered(self) -> Option<Submission<Registered>> {
        match self {
            Self::Registered(old) => Some(old),
            Self::Stopped(old) | Self::StoppedWithoutCheckpoint(old) => {
                Some(old.into_state(|stopped| stopped.registered))
            }
            Self::Gone(_) => None,
        }
    }
}

/// Whether the old pipeline has ended. One that shows no job is about to have one, and after a start of ours the end before it may still
/// show.
pub(super) fn is_over(session: &Session, job: Option<&Job>) -> bool {
    let may_be_stale = session.sight.was_just_started() && !session.sight.is_told_to_stop();
    job.is_some_and(has_ended) && !may_be_stale
}

/// Reads the job of the old pipeline.
pub(super) async fn read_job(session: &Session, id: &PipelineId) -> Result<Option<Job>, Error> {
    need_runtime()?;
    let deadline = session.deadline(Step::Resolve);
    let looking = Looking {
        session,
        id,
        change: Change::Replace,
        deadline: &deadline,
        expected: Expected::nothing(),
    };
    Ok(looking.job().await?)
}

//! What is known of the pipeline of one submission.

use std::{sync::Arc, time::SystemTime};

use stepwell_arroyo::PipelineId;

use crate::{
    job::sight::Sight, resolve::attempt::CreateAttempt, session::Requester, shutdown::OnShutdown,
};

pub(crate) type EntryId = u64;

/// What is known of the pipeline of one submission.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A create is under way, or was and its reply was lost.
    Attempted(CreateAttempt),
    /// It is there.
    Pipeline(PipelineId),
}

impl Target {
    /// Its id, as far as it is known: a create may leave that to the server.
    pub(crate) fn id(&self) -> Option<&PipelineId> {
        match self {
            Self::Attempted(attempt) => attempt.id(),
            Self::Pipeline(id) => Some(id),
        }
    }

    /// Whether this pipeline was given up for another one: that its run was started here says nothing of the other's.
    pub(super) fn is_left_for(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Pipeline(id), Self::Pipeline(next)) => id != next,
            (Self::Pipeline(_), Self::Attempted(_)) => true,
            (Self::Attempted(_), _) => false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) requester: Requester,
    /// What the submission has seen of the job.
    pub(crate) sight: Arc<Sight>,
    pub(crate) on_shutdown: OnShutdown,
    pub(crate) since: SystemTime,
    pub(crate) target: Target,
    /// Whether this process created it, started its run, or may have.
    pub(crate) started_here: bool,
    /// The server's words, when the create was answered with them: it exists already.
    pub(crate) refused: Option<Arc<str>>,
    pub(super) writes: usize,
}

impl Entry {
    /// Whether a shutdown leaves it as it is.
    pub(crate) fn is_left(&self) -> bool {
        match self.on_shutdown {
            OnShutdown::Stop => false,
            OnShutdown::StopIfStartedHere => !self.started_here,
            OnShutdown::Leave => true,
        }
    }
}

/// What is noted of a request before it is sent.
pub(crate) struct Intended {
    pub(crate) name: Arc<str>,
    pub(crate) requester: Requester,
    /// What the submission has seen of the job.
    pub(crate) sight: Arc<Sight>,
    pub(crate) on_shutdown: OnShutdown,
    pub(crate) since: SystemTime,
    pub(crate) target: Target,
    pub(crate) started_here: bool,
}

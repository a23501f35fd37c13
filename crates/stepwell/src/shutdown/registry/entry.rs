//! What is known of the pipeline of one submission.

use std::{sync::Arc, time::SystemTime};

use stepwell_arroyo::PipelineId;
use tokio::time::Instant;

use crate::{
    job::sight::Sight, resolve::attempt::CreateAttempt, session::Requester, shutdown::OnShutdown,
    spec::PipelineSpec,
};

pub(crate) type EntryId = u64;

/// What is known of the pipeline of one submission.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A create is under way, or was and its reply was lost.
    Attempted(CreateAttempt),
    /// The pipeline exists.
    Pipeline(PipelineId),
}

impl Target {
    /// The id of the pipeline, if it is known: a create may leave it to the server.
    pub(crate) fn id(&self) -> Option<&PipelineId> {
        match self {
            Self::Attempted(attempt) => attempt.id(),
            Self::Pipeline(id) => Some(id),
        }
    }

    /// Whether it is this pipeline, known to exist.
    pub(super) fn is(&self, pipeline: &PipelineId) -> bool {
        matches!(self, Self::Pipeline(id) if id == pipeline)
    }

    /// Whether the submission moves from this pipeline to another one. That the run of this one was started here says nothing about the
    /// next one.
    pub(super) fn is_left_for(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Pipeline(id), Self::Pipeline(next)) => id != next,
            (Self::Pipeline(_), Self::Attempted(_)) => true,
            (Self::Attempted(_), _) => false,
        }
    }
}

#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "they are facts of their own")]
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) requester: Requester,
    /// What the submission has observed of the job.
    pub(crate) sight: Arc<Sight>,
    pub(crate) on_shutdown: OnShutdown,
    pub(crate) since: SystemTime,
    pub(crate) target: Target,
    /// The spec whose create made the pipeline, and since when that is known.
    pub(super) made: Option<(Arc<PipelineSpec>, Instant)>,
    /// Whether this process created the pipeline, started its run, or may have.
    pub(crate) started_here: bool,
    /// The server's message, if it refused the create because the pipeline exists.
    pub(crate) refused: Option<Arc<str>>,
    /// Whether a request that may have started something was not answered.
    pub(super) in_doubt: bool,
    /// Whether the pipeline was seen ended. The submission may still see it run again.
    pub(super) has_ended: bool,
    /// Whether the submission was dropped.
    pub(super) is_orphan: bool,
    pub(super) writes: usize,
}

impl Entry {
    /// Whether the entry is one that a shutdown has to deal with.
    pub(crate) fn is_open(&self) -> bool {
        !self.has_ended || self.writes > 0 || self.in_doubt
    }

    /// Whether a dropped submission's entry says nothing that `other`, an entry of the same pipeline, does not say.
    pub(super) fn is_covered_by(&self, other: &Self) -> bool {
        // A submission that lives may yet be detached.
        if self.in_doubt || !other.is_orphan || other.has_ended {
            return false;
        }
        // Under one id there may have been two pipelines, one after the other.
        if !self.sight.has_same_job(&other.sight) {
            return false;
        }
        let is_same =
            other.on_shutdown == self.on_shutdown && other.started_here == self.started_here;
        self.is_left() || is_same
    }

    /// Whether a dropped submission's entry is about the pipeline that another submission has deleted.
    pub(super) fn is_over_with(&self, deleted: &Self) -> bool {
        if !self.is_orphan || self.writes > 0 || self.in_doubt {
            return false;
        }
        match self.sight.job() {
            // Under one id there may have been two pipelines, one after the other.
            Some(job) => deleted.sight.job() == Some(job),
            None => self.is_left(),
        }
    }

    /// Whether a shutdown leaves the pipeline as it is.
    pub(crate) fn is_left(&self) -> bool {
        match self.on_shutdown {
            OnShutdown::Stop => false,
            OnShutdown::StopIfStartedHere => !self.started_here,
            OnShutdown::Leave => true,
        }
    }
}

/// What is recorded of a request before it is sent.
pub(crate) struct Intended {
    pub(crate) name: Arc<str>,
    pub(crate) requester: Requester,
    /// What the submission has observed of the job.
    pub(crate) sight: Arc<Sight>,
    pub(crate) on_shutdown: OnShutdown,
    pub(crate) since: SystemTime,
    pub(crate) target: Target,
    pub(crate) started_here: bool,
    /// Whether a roll-back starts it, which is allowed while a shutdown leaves everything running.
    pub(crate) puts_back: bool,
}

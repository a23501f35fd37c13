//! What `resolve` comes to, and what it would do.

use stepwell_arroyo::PipelineId;

use super::{Difference, PipelineSummary};
use crate::{
    state::{Created, Registered, Resolved, Resumed},
    submission::Submission,
};

/// What `resolve` came to: the pipeline was there already, or it was created.
// Found or not found is complete by definition.
#[allow(clippy::exhaustive_enums)]
// It is matched once and taken apart; a box would be in everybody's way.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
#[must_use]
pub enum Resolution {
    /// It was there; its run goes on or was started again.
    Resumed(Submission<Resolved<Resumed>>),
    /// It was created.
    Created(Submission<Resolved<Created>>),
}

impl Resolution {
    /// Registers the pipeline with the shutdown; see [`Submission::register`].
    pub fn register(self) -> Submission<Registered> {
        match self {
            Self::Resumed(submission) => submission.register(),
            Self::Created(submission) => submission.register(),
        }
    }

    /// The pipeline's id.
    pub fn id(&self) -> &PipelineId {
        match self {
            Self::Resumed(submission) => submission.id(),
            Self::Created(submission) => submission.id(),
        }
    }

    /// In what the pipeline differs from the spec, where that is no error.
    pub fn differences(&self) -> &[Difference] {
        match self {
            Self::Resumed(submission) => submission.differences(),
            Self::Created(submission) => submission.differences(),
        }
    }
}

/// What [`resolve`](Submission::resolve) would do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// Resume this pipeline.
    Resume {
        /// The pipeline.
        pipeline: PipelineSummary,
        /// The state its job is in.
        state: Option<stepwell_arroyo::JobState>,
        /// What would be sent.
        requests: Vec<PlannedRequest>,
    },
    /// Create a new one. With [`FindBy::Id`](crate::spec::FindBy::Id), on a server that then turns out to have no `PUT`, the list decides.
    Create {
        /// The id that it would get, where the server lets the client choose.
        id: Option<PipelineId>,
        /// Other pipelines that the server holds, which `force` overrides; empty with [`FindBy::Id`](crate::spec::FindBy::Id), which does not
        /// read them.
        forced_past: Vec<PipelineSummary>,
    },
    /// Look for a create of this submission whose outcome is not known.
    Settle {
        /// The id that it was to get, where one was chosen.
        id: Option<PipelineId>,
    },
}

/// A request that [`resolve`](Submission::resolve) would send to resume a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlannedRequest {
    /// `PATCH` with `stop: none`: start again, or go on.
    Start,
    /// `PATCH` with another parallelism.
    Parallelism {
        /// The new parallelism.
        to: std::num::NonZeroU32,
    },
    /// `POST restart` of a failed job.
    Restart,
    /// Wait until the job has come to its end, then look again.
    AwaitEnd,
}

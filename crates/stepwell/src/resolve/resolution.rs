//! The result of `resolve`, and the plan for it.

use stepwell_arroyo::PipelineId;

use super::{Difference, PipelineSummary};
use crate::{
    state::{Created, Registered, Resolved, Resumed, Running},
    submission::{Submission, TransitionError},
};

/// The result of `resolve`: the pipeline existed, or it was created.
// Exhaustive by definition: found or not found.
#[allow(clippy::exhaustive_enums)]
// It is matched once and taken apart; a box would be in the way.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
#[must_use]
pub enum Resolution {
    /// The pipeline existed; its run continues or was started again.
    Resumed(Submission<Resolved<Resumed>>),
    /// The pipeline was created.
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

    /// Registers the pipeline and waits until it is Running; see [`Submission::wait_until_running`].
    ///
    /// # Errors
    ///
    /// Those of [`Submission::wait_until_running`]. Hands back the registered submission.
    ///
    /// # Cancel safety
    ///
    /// As [`Submission::wait_until_running`].
    pub async fn wait_until_running(
        self,
    ) -> Result<Submission<Running>, TransitionError<Registered>> {
        self.register().wait_until_running().await
    }

    /// The pipeline's id.
    pub fn id(&self) -> &PipelineId {
        match self {
            Self::Resumed(submission) => submission.id(),
            Self::Created(submission) => submission.id(),
        }
    }

    /// How the pipeline differs from the spec, where that is not an error.
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
    /// Create a new pipeline. With [`FindBy::Id`](crate::spec::FindBy::Id), on a server that then turns out to have no `PUT`, the list
    /// decides.
    Create {
        /// The id it would get, if the server lets the client choose.
        id: Option<PipelineId>,
        /// The other pipelines on the server, which `force` overrides; empty with [`FindBy::Id`](crate::spec::FindBy::Id), which does not
        /// read them.
        forced_past: Vec<PipelineSummary>,
        /// One of the other pipelines whose query is the same except for line ends and outer white space, or the same under another id than
        /// the one that decides; `None` with [`FindBy::Id`](crate::spec::FindBy::Id), which does not read them.
        near: Option<PipelineSummary>,
    },
    /// Look for the pipeline of a create whose outcome is unknown.
    Settle {
        /// The id it was to get, if one was chosen.
        id: Option<PipelineId>,
    },
}

/// A request that [`resolve`](Submission::resolve) would send to resume a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlannedRequest {
    /// `PATCH` with `stop: none`: start again, or keep running.
    Start,
    /// `PATCH` with a different parallelism.
    Parallelism {
        /// The new parallelism.
        to: std::num::NonZeroU32,
    },
    /// `POST restart` of a failed job.
    Restart,
    /// Wait until the job has ended, then decide again.
    AwaitEnd,
}

//! Why a step of a replacement failed.

use std::fmt;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId};
use stepwell_transport::Phase;

use crate::error::Error;

/// Why a step of a replacement failed.
#[derive(Debug, Snafu)]
#[allow(
    clippy::use_self,
    reason = "snafu copies the types of fields into other types"
)]
#[non_exhaustive]
pub enum ReplacementError {
    /// Old and new are on different servers, or belong to different shutdowns. Nothing was touched.
    #[snafu(display(
        "the new pipeline and the old one ({old}) do not have the same server and the same shutdown; give both the same transport and `Shutdown`"
    ))]
    Apart {
        /// The old pipeline.
        old: PipelineId,
    },
    /// The new spec has the query of the old pipeline, or its id, so that it would find that one. Nothing was touched.
    #[snafu(display(
        "the new spec finds the old pipeline {old}, because it has the same query or id; use `update` to change the settings of a pipeline"
    ))]
    SamePipeline {
        /// The old pipeline.
        old: PipelineId,
    },
    /// The old pipeline was stopped, and has made no final checkpoint, or is not known to have made one.
    #[snafu(display(
        "the old pipeline {old} was stopped, and its final checkpoint {}; roll back, or allow to go on without it",
        if *is_known { "was not made" } else { "is not known to have been made" }
    ))]
    NoFinalCheckpoint {
        /// The old pipeline.
        old: PipelineId,
        /// Whether it is known that none was made.
        is_known: bool,
    },
    /// The old pipeline does not exist.
    #[snafu(display("the old pipeline {old} is gone; {}", if new.is_some() { "it may have been replaced already, so nothing was touched" } else { "there is nothing to replace, so nothing was created; submit the new query by itself" }))]
    OldGone {
        /// The old pipeline.
        old: PipelineId,
        /// The new pipeline, if there is one.
        new: Option<PipelineId>,
    },
    /// A step failed on the old pipeline.
    #[snafu(display("the step failed on the old pipeline {old}; {meant_to_run} is meant to run"))]
    Old {
        /// The old pipeline.
        old: PipelineId,
        /// Which of the two is meant to run now.
        meant_to_run: MeantToRun,
        /// The cause.
        #[snafu(source(from(Error, Box::new)))]
        source: Box<Error>,
    },
    /// A step failed on the new pipeline.
    #[snafu(display("the step failed on the new pipeline{}; {meant_to_run} is meant to run", new.as_ref().map(|id| format!(" {id}")).unwrap_or_default()))]
    New {
        /// The new pipeline, if its id is known.
        new: Option<PipelineId>,
        /// Which of the two is meant to run now.
        meant_to_run: MeantToRun,
        /// The cause.
        #[snafu(source(from(Error, Box::new)))]
        source: Box<Error>,
    },
    /// It is unknown whether the new pipeline was created, so the old one was not started: both could run then.
    #[snafu(display(
        "it is unknown whether the new pipeline{} was created, so the old one ({old}) was not started; roll back again later, or run the replacement again",
        new.as_ref().map(|id| format!(" {id}")).unwrap_or_default()
    ))]
    NewInDoubt {
        /// The old pipeline.
        old: PipelineId,
        /// The id that the new one was to get, if it was chosen.
        new: Option<PipelineId>,
    },
    /// [`run`](super::Replacement::run) failed, and has put the old pipeline back as it was found.
    #[snafu(display("the replacement failed and was rolled back; {meant_to_run} is meant to run"))]
    RolledBack {
        /// The old pipeline.
        old: PipelineId,
        /// Which of the two is meant to run now: the old one, or neither if it had ended when it was found.
        meant_to_run: MeantToRun,
        /// Why it failed.
        #[snafu(source(from(ReplacementError, Box::new)))]
        source: Box<ReplacementError>,
    },
    /// [`run`](super::Replacement::run) failed, and so did the roll-back.
    #[snafu(display("the replacement failed ({reason}), and so did the roll-back"))]
    NotRolledBack {
        /// Why the replacement failed, with its causes.
        reason: String,
        /// Why the roll-back failed.
        #[snafu(source(from(ReplacementError, Box::new)))]
        source: Box<ReplacementError>,
    },
}

/// Which of the two pipelines of a replacement is meant to run: what the last request that took effect asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MeantToRun {
    /// The old one.
    Old,
    /// The new one.
    New,
    /// Neither.
    Neither,
    /// Both: another client has started the old one again. A rerun stops it.
    Both,
    /// That is not known: a request was sent and not answered.
    Unknown,
}

impl fmt::Display for MeantToRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Old => "the old one",
            Self::New => "the new one",
            Self::Neither => "neither",
            Self::Both => "each of the two",
            Self::Unknown => "it is not known which, if any,",
        })
    }
}

impl ReplacementError {
    /// A stable name for the failure, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Apart { .. } => "replacement.apart",
            Self::SamePipeline { .. } => "replacement.same_pipeline",
            Self::NoFinalCheckpoint { .. } => "replacement.no_final_checkpoint",
            Self::OldGone { .. } => "replacement.old_gone",
            Self::Old { .. } => "replacement.old",
            Self::New { .. } => "replacement.new",
            Self::NewInDoubt { .. } => "replacement.new_in_doubt",
            Self::RolledBack { .. } => "replacement.rolled_back",
            Self::NotRolledBack { .. } => "replacement.not_rolled_back",
        }
    }

    /// Which of the two pipelines is meant to run now; `None` if nothing was touched, or if the old one is gone.
    pub fn meant_to_run(&self) -> Option<MeantToRun> {
        match self {
            Self::Apart { .. } | Self::SamePipeline { .. } | Self::OldGone { .. } => None,
            Self::NoFinalCheckpoint { .. } => Some(MeantToRun::Neither),
            Self::Old { meant_to_run, .. }
            | Self::New { meant_to_run, .. }
            | Self::RolledBack { meant_to_run, .. } => Some(*meant_to_run),
            Self::NewInDoubt { .. } => Some(MeantToRun::Unknown),
            Self::NotRolledBack { source, .. } => source.meant_to_run(),
        }
    }

    /// The step's own error, if a step of one of the two pipelines failed.
    pub fn step_error(&self) -> Option<&Error> {
        match self {
            Self::Old { source, .. } | Self::New { source, .. } => Some(source),
            Self::RolledBack { source, .. } | Self::NotRolledBack { source, .. } => {
                source.step_error()
            }
            _ => None,
        }
    }

    /// Whether the server may already have acted on the request.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Apart { .. } | Self::SamePipeline { .. } => Phase::NotSent,
            Self::NewInDoubt { .. } => Phase::MaybeSent,
            _ => self.step_error().map_or(Phase::Responded, Error::phase),
        }
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NewInDoubt { .. } => true,
            // The new one has failed to come up, and would again.
            Self::RolledBack { .. } => false,
            _ => self.step_error().is_some_and(Error::is_retryable),
        }
    }

    /// The pipeline that the error is about, if its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        match self {
            Self::Apart { old }
            | Self::SamePipeline { old }
            | Self::NoFinalCheckpoint { old, .. }
            | Self::OldGone { old, .. }
            | Self::Old { old, .. }
            | Self::RolledBack { old, .. } => Some(old),
            Self::New { new, .. } | Self::NewInDoubt { new, .. } => new.as_ref(),
            Self::NotRolledBack { source, .. } => source.pipeline_id(),
        }
    }

    /// The failed request that caused the error, if there is one.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        self.step_error().and_then(Error::client_error)
    }
}

//! Why a pipeline was not started, updated or deleted.

use std::{fmt, time::Duration};

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Job, JobState, PipelineId};
use stepwell_transport::Phase;

use crate::{
    job::LastSeen,
    session::{Deadline, retry::Failure},
    words::{Time, refused},
};

/// Why a pipeline was not started, updated or deleted, or is not known to have been.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum ChangeError {
    /// The pipeline has finished, and a finished one cannot be started.
    #[snafu(display(
        "pipeline {id} has finished, so it cannot be started; submit its query for a new run"
    ))]
    Finished {
        /// The pipeline.
        id: PipelineId,
    },
    /// The pipeline to update does not run. Nothing was sent.
    #[snafu(display("pipeline {id} is {}, so it was not updated; start it first", job.state))]
    NotRunning {
        /// The pipeline.
        id: PipelineId,
        /// Its job.
        job: Box<Job>,
    },
    /// The pipeline to delete has not ended. A server deletes only what has (recording `151_delete_while_running`), so nothing was sent.
    #[snafu(display("pipeline {id} is {state}, so it was not deleted; stop it first"))]
    StillRunning {
        /// The pipeline.
        id: PipelineId,
        /// The state its job is in.
        state: JobState,
    },
    /// The pipeline was ending, and did not end in time, or its job could not be read until the deadline.
    #[snafu(display(
        "could not {change} pipeline {id} within {}; look at its state, and try again later",
        Time(*elapsed)
    ))]
    NotSettled {
        /// What was to be done.
        change: Change,
        /// The pipeline.
        id: PipelineId,
        /// How long the call waited.
        elapsed: Duration,
        /// The last observation of the job.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
    /// The server no longer knows the pipeline.
    #[snafu(display(
        "could not {change} pipeline {id}: it is no longer on the server; it was deleted"
    ))]
    Vanished {
        /// What was to be done.
        change: Change,
        /// The pipeline.
        id: PipelineId,
    },
    /// The server refused, or the request could not be sent; nothing was changed.
    #[snafu(display("{} pipeline {id}", refused(change, source)))]
    Rejected {
        /// What was to be done.
        change: Change,
        /// The pipeline.
        id: PipelineId,
        /// The server's answer.
        source: ClientError,
    },
    /// The server did not give a usable answer in time; nothing was changed.
    #[snafu(display("could not {change} pipeline {id} within {}", Time(*elapsed)))]
    Unanswered {
        /// What was to be done.
        change: Change,
        /// The pipeline.
        id: PipelineId,
        /// How long the call tried.
        elapsed: Duration,
        /// The last failure.
        source: ClientError,
    },
    /// The request was sent, and it is not known whether it took effect. The same call again looks at the pipeline first.
    #[snafu(display(
        "it is unknown whether the request to {change} pipeline {id} took effect: it was sent, and not answered within {}; \
         do the same again, which looks at the pipeline first",
        Time(*elapsed)
    ))]
    OutcomeUnknown {
        /// What was to be done.
        change: Change,
        /// The pipeline.
        id: PipelineId,
        /// How long the call tried.
        elapsed: Duration,
        /// The failure in place of an answer.
        source: ClientError,
    },
}

impl ChangeError {
    /// A stable name for the failure, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        use Change::{Delete, Replace, Start, Update};
        match self {
            Self::Finished { .. } => "start.finished",
            Self::NotRunning { .. } => "update.not_running",
            Self::StillRunning { .. } => "delete.still_running",
            Self::NotSettled { change, .. } => match change {
                Start => "start.not_settled",
                Update => "update.not_settled",
                Delete => "delete.not_settled",
                Replace => "replace.not_settled",
            },
            Self::Vanished { change, .. } => match change {
                Start => "start.vanished",
                Update => "update.vanished",
                Delete => "delete.vanished",
                Replace => "replace.vanished",
            },
            Self::Rejected { change, .. } => match change {
                Start => "start.rejected",
                Update => "update.rejected",
                Delete => "delete.rejected",
                Replace => "replace.rejected",
            },
            Self::Unanswered { change, .. } => match change {
                Start => "start.unanswered",
                Update => "update.unanswered",
                Delete => "delete.unanswered",
                Replace => "replace.unanswered",
            },
            Self::OutcomeUnknown { change, .. } => match change {
                Start => "start.outcome_unknown",
                Update => "update.outcome_unknown",
                Delete => "delete.outcome_unknown",
                Replace => "replace.outcome_unknown",
            },
        }
    }

    /// Whether the server may already have acted on the request.
    pub fn phase(&self) -> Phase {
        match self {
            Self::OutcomeUnknown { .. } => Phase::MaybeSent,
            Self::Rejected { source, .. } | Self::Unanswered { source, .. } => source.phase(),
            _ => Phase::Responded,
        }
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } | Self::NotSettled { .. } => true,
            Self::Unanswered { source, .. } | Self::Rejected { source, .. } => {
                source.is_retryable()
            }
            _ => false,
        }
    }

    /// The pipeline that the error is about.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        match self {
            Self::Finished { id }
            | Self::NotRunning { id, .. }
            | Self::StillRunning { id, .. }
            | Self::NotSettled { id, .. }
            | Self::Vanished { id, .. }
            | Self::Rejected { id, .. }
            | Self::Unanswered { id, .. }
            | Self::OutcomeUnknown { id, .. } => Some(id),
        }
    }

    /// The failed request that caused the error, if there is one.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::Rejected { source, .. }
            | Self::Unanswered { source, .. }
            | Self::OutcomeUnknown { source, .. } => Some(source),
            Self::NotSettled { source, .. } => source.client_error(),
            _ => None,
        }
    }

    pub(crate) fn vanished(change: Change, id: &PipelineId) -> Self {
        let id = id.clone();
        Self::Vanished { change, id }
    }

    pub(crate) fn not_settled(
        change: Change,
        id: &PipelineId,
        elapsed: Duration,
        last_seen: LastSeen,
    ) -> Self {
        Self::NotSettled {
            change,
            id: id.clone(),
            elapsed,
            source: Box::new(last_seen),
        }
    }

    /// The error of a request that was tried until it was refused, or until the deadline. `in_doubt`: an earlier attempt may have taken
    /// effect.
    pub(crate) fn failed(
        change: Change,
        id: &PipelineId,
        deadline: &Deadline,
        in_doubt: bool,
        error: ClientError,
    ) -> Self {
        let (id, elapsed, source) = (id.clone(), deadline.elapsed(), error);
        if in_doubt {
            return Self::OutcomeUnknown {
                change,
                id,
                elapsed,
                source,
            };
        }
        // What a gateway sends is no refusal of the API.
        let is_of_gateway = matches!(Failure::of(&source), Failure::Page | Failure::Unrouted);
        if !source.is_retryable() && !is_of_gateway {
            return Self::Rejected { change, id, source };
        }
        Self::Unanswered {
            change,
            id,
            elapsed,
            source,
        }
    }
}

/// What was to be done to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Starting it.
    Start,
    /// Updating it.
    Update,
    /// Deleting it.
    Delete,
    /// Putting another one in its place.
    Replace,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Start => "start",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Replace => "replace",
        })
    }
}

//! Why a pipeline was neither resumed nor created.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use snafu::Snafu;
use stepwell_arroyo::{ClientError, Pipeline, PipelineId};
use stepwell_transport::Phase;

use super::pipeline_summary::{PipelineSummary, list};
use crate::{
    job::LastSeen,
    session::{Deadline, retry::Failure},
    words::{Ago, Time, refused},
};

/// Why a pipeline was neither resumed nor created, or is not known to have been.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum ResolveError {
    /// No pipeline has the query, and the server holds others. Creating beside them requires
    /// [`force`](crate::spec::PipelineSpecBuilder::force).
    #[snafu(display(
        "the server has {} other {}, and none with this query: {}{}; use force to create one more",
        others.len(), if others.len() == 1 { "pipeline" } else { "pipelines" }, list(others), near_words(near.as_ref())
    ))]
    OtherPipelines {
        /// The other pipelines.
        others: Vec<PipelineSummary>,
        /// One of them whose query is the same except for line ends and outer white space, or the same under another id than the given one.
        near: Option<PipelineSummary>,
    },
    /// No pipeline has the id, and the server holds others. Creating beside them requires
    /// [`force`](crate::spec::PipelineSpecBuilder::force). Only the newest of them were read ([`FindBy::Id`](crate::spec::FindBy::Id)).
    #[snafu(display(
        "no pipeline has the id {id}, and the server holds others, of which the newest are {}{}; use force to create one more",
        list(newest), near_words(near.as_ref())
    ))]
    NoneWithId {
        /// The id that was looked for.
        id: PipelineId,
        /// The newest of the others.
        newest: Vec<PipelineSummary>,
        /// One of these whose query is the same, or the same except for line ends and outer white space.
        near: Option<PipelineSummary>,
    },
    /// Several pipelines have the query.
    #[snafu(display("{} pipelines have this query: {}; choose one by its id, and delete what is not needed", matches.len(), list(matches)))]
    Ambiguous {
        /// All pipelines that have it.
        matches: Vec<PipelineSummary>,
    },
    /// The intent is to resume, and there is no pipeline to resume. Nothing was created.
    #[snafu(display(
        "there is no pipeline to resume: none has this query, or the id to find it by{}; allow it to be created, or find it by its query",
        near_words(near.as_ref())
    ))]
    NothingToResume {
        /// A pipeline whose query is the same except for line ends and outer white space.
        near: Option<PipelineSummary>,
    },
    /// The intent is to create, and a pipeline with the query already exists.
    #[snafu(display("pipeline {existing} has this query already; resume it"))]
    AlreadyExists {
        /// The pipeline.
        existing: PipelineSummary,
    },
    /// A pipeline with the chosen id has another query.
    #[snafu(display(
        "pipeline {name:?} has the id {id} and another query; choose another id, or delete that pipeline"
    ))]
    Conflict {
        /// The id.
        id: PipelineId,
        /// The name of the pipeline that has it.
        name: String,
    },
    /// The pipeline with the query has finished, and a finished one cannot be resumed.
    #[snafu(display(
        "pipeline {finished} has this query and has finished, so it cannot be resumed; ask for a new run, under another id if one is given"
    ))]
    Finished {
        /// The pipeline.
        finished: PipelineSummary,
    },
    /// The pipeline with the query has different UDFs: resuming it would run the old code.
    #[snafu(display(
        "pipeline {existing} has this query but different UDFs; resuming it would run the old code, which must be allowed explicitly"
    ))]
    UdfsDiffer {
        /// The pipeline.
        existing: PipelineSummary,
    },
    /// A create was sent, and it is not known whether it took effect. Resolving again looks for its pipeline first and sends no second
    /// create.
    #[snafu(display(
        "it is unknown whether pipeline {name:?}{} was created{}: the create was sent {}, and no such pipeline has shown up since; \
         look for it on the server, and submit again, which finds it if it is there",
        id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default(), at(url.as_ref()), Ago(*since)
    ))]
    OutcomeUnknown {
        /// The name of the pipeline.
        name: String,
        /// The id of the pipeline, if one was chosen.
        id: Option<PipelineId>,
        /// The address it was sent to.
        url: Option<String>,
        /// When it was sent.
        since: SystemTime,
        /// The failure in place of an answer.
        source: ClientError,
    },
    /// A create was sent earlier by this submission, and it is still not known whether it took effect.
    #[snafu(display(
        "it is still unknown whether pipeline {name:?}{} was created: the create was sent {}, and no such pipeline has shown up since; \
         look for it on the server; a new submission would create it again",
        id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default(), Ago(*since)
    ))]
    StillUnknown {
        /// The name of the pipeline.
        name: String,
        /// The id of the pipeline, if one was chosen.
        id: Option<PipelineId>,
        /// When it was sent.
        since: SystemTime,
    },
    /// The server refuses the id because it exists, but shows no pipeline under it: a row without a job.
    #[snafu(display(
        "the server refuses to create a pipeline under the id {id} but shows none: an earlier create was interrupted; \
         DELETE /api/v1/pipelines/{id} frees the id"
    ))]
    Burnt {
        /// The id.
        id: PipelineId,
        /// The server's answer to the create.
        source: ClientError,
    },
    /// The server refused a request, or it could not be sent; it created and started nothing.
    #[snafu(display("{} pipeline {name:?}", refused(action, source)))]
    Rejected {
        /// The action.
        action: Action,
        /// The pipeline's name.
        name: String,
        /// The server's answer.
        source: ClientError,
    },
    /// The server did not give a usable answer in time.
    #[snafu(display("could not {action} pipeline {name:?} within {}", Time(*elapsed)))]
    Unanswered {
        /// The action.
        action: Action,
        /// The pipeline's name.
        name: String,
        /// How long the call tried.
        elapsed: Duration,
        /// The last failure.
        source: ClientError,
    },
    /// The pipeline was found while it was ending, and did not end in time, or its job could not be read until the deadline.
    #[snafu(display(
        "pipeline {existing} did not end within {}, and can be resumed only after that; try again later",
        Time(*elapsed)
    ))]
    NotSettled {
        /// The pipeline.
        existing: PipelineSummary,
        /// How long the call waited.
        elapsed: Duration,
        /// The last observation of the job.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
    /// The pipeline was found but no longer exists.
    #[snafu(display(
        "pipeline {existing} was found and is gone; it was deleted, or a node of the server lags behind: submit again"
    ))]
    Vanished {
        /// The pipeline.
        existing: PipelineSummary,
    },
}

impl ResolveError {
    /// A stable name for the failure, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherPipelines { .. } => "resolve.other_pipelines",
            Self::NoneWithId { .. } => "resolve.none_with_id",
            Self::Ambiguous { .. } => "resolve.ambiguous",
            Self::NothingToResume { .. } => "resolve.nothing_to_resume",
            Self::AlreadyExists { .. } => "resolve.already_exists",
            Self::Conflict { .. } => "resolve.conflict",
            Self::Finished { .. } => "resolve.finished",
            Self::UdfsDiffer { .. } => "resolve.udfs_differ",
            Self::OutcomeUnknown { .. } => "resolve.outcome_unknown",
            Self::StillUnknown { .. } => "resolve.still_unknown",
            Self::Burnt { .. } => "resolve.burnt",
            Self::Rejected { .. } => "resolve.rejected",
            Self::Unanswered { .. } => "resolve.unanswered",
            Self::NotSettled { .. } => "resolve.not_settled",
            Self::Vanished { .. } => "resolve.vanished",
        }
    }

    /// Whether the server may already have acted on the request.
    pub fn phase(&self) -> Phase {
        match self {
            Self::OutcomeUnknown { .. } | Self::StillUnknown { .. } => Phase::MaybeSent,
            Self::Rejected { source, .. } | Self::Unanswered { source, .. } => source.phase(),
            _ => Phase::Responded,
        }
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. }
            | Self::StillUnknown { .. }
            | Self::NotSettled { .. }
            | Self::Vanished { .. } => true,
            Self::Unanswered { source, .. } | Self::Rejected { source, .. } => {
                source.is_retryable()
            }
            _ => false,
        }
    }

    /// The pipeline that the error is about, if its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        match self {
            Self::AlreadyExists { existing }
            | Self::UdfsDiffer { existing }
            | Self::NotSettled { existing, .. }
            | Self::Vanished { existing } => Some(&existing.id),
            Self::Finished { finished } => Some(&finished.id),
            Self::NoneWithId { id, .. } | Self::Conflict { id, .. } | Self::Burnt { id, .. } => {
                Some(id)
            }
            Self::OutcomeUnknown { id, .. } | Self::StillUnknown { id, .. } => id.as_ref(),
            _ => None,
        }
    }

    /// The failed request that caused the error, if there is one.
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::OutcomeUnknown { source, .. }
            | Self::Burnt { source, .. }
            | Self::Rejected { source, .. }
            | Self::Unanswered { source, .. } => Some(source),
            Self::NotSettled { source, .. } => source.client_error(),
            _ => None,
        }
    }
}

impl ResolveError {
    /// Whether the server refused to create the pipeline because its query cannot be planned. The query has to be corrected, although it
    /// was valid when it was validated.
    pub fn is_invalid_query(&self) -> bool {
        match self {
            Self::Rejected { source, .. } => source.is_invalid_query(),
            _ => false,
        }
    }

    pub(crate) fn rejected(action: Action, name: &str, error: ClientError) -> Self {
        Self::Rejected {
            action,
            name: name.to_owned(),
            source: error,
        }
    }

    pub(crate) fn ambiguous<'a>(pipelines: impl IntoIterator<Item = &'a Pipeline>) -> Self {
        let matches = pipelines.into_iter().map(PipelineSummary::new).collect();
        Self::Ambiguous { matches }
    }

    /// The error of a request that was retried until it was refused, or until the deadline.
    pub(crate) fn unanswered(
        action: Action,
        name: &str,
        deadline: &Deadline,
        error: ClientError,
    ) -> Self {
        // A web page was not sent by the API, which has refused nothing.
        if !error.is_retryable() && Failure::of(&error) != Failure::Page {
            return Self::rejected(action, name, error);
        }
        Self::Unanswered {
            action,
            name: name.to_owned(),
            elapsed: deadline.elapsed(),
            source: error,
        }
    }
}

/// What `resolve` was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Reading the list, the pipeline or its job.
    Find,
    /// Creating it.
    Create,
    /// Resuming it.
    Resume,
    /// Undoing its creation.
    Discard,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Find => "look for",
            Self::Create => "create",
            Self::Resume => "resume",
            Self::Discard => "discard",
        })
    }
}

fn near_words(near: Option<&PipelineSummary>) -> String {
    near.map(|near| {
        format!("; the query of {near} differs at most in line ends and outer white space")
    })
    .unwrap_or_default()
}

fn at(url: Option<&String>) -> String {
    url.map(|url| format!(" at {url}")).unwrap_or_default()
}

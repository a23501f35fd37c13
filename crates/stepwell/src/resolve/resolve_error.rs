//! Why a pipeline was neither resumed nor created.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId};
use stepwell_transport::Phase;

use super::pipeline_summary::{PipelineSummary, list};
use crate::{
    job::LastSeen,
    session::Deadline,
    words::{Ago, Time},
};

/// Why a pipeline was neither resumed nor created, or is not known to have been.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum ResolveError {
    /// No pipeline has the query, and the server holds others. Creating beside them has to be asked for.
    #[snafu(display(
        "the server has {} other {}, and none with this query: {}{}; it can be forced to create one more",
        others.len(), if others.len() == 1 { "pipeline" } else { "pipelines" }, list(others), near_words(near.as_ref())
    ))]
    OtherPipelines {
        /// The others.
        others: Vec<PipelineSummary>,
        /// One of them whose query is the same but for line ends and outer white space, or the same under another id than was given.
        near: Option<PipelineSummary>,
    },
    /// No pipeline has the id, and the server holds others. Creating beside them has to be asked for. Only the newest of them were read
    /// ([`FindBy::Id`](crate::spec::FindBy::Id)).
    #[snafu(display(
        "no pipeline has the id {id}, and the server holds others, of which the newest are {}{}; it can be forced to create one more",
        list(newest), near_words(near.as_ref())
    ))]
    NoneWithId {
        /// The id that was looked for.
        id: PipelineId,
        /// The newest of the others.
        newest: Vec<PipelineSummary>,
        /// One of these whose query is the same, or the same but for line ends and outer white space.
        near: Option<PipelineSummary>,
    },
    /// Several pipelines have the query.
    #[snafu(display("{} pipelines have this query: {}; choose one by its id, and delete what is not needed", matches.len(), list(matches)))]
    Ambiguous {
        /// All that have it.
        matches: Vec<PipelineSummary>,
    },
    /// The intent is to resume, and there is nothing to resume. Nothing was created.
    #[snafu(display(
        "there is no pipeline to resume: none has this query, or the id by which it was to be found{}; let it be created, or find it by its query",
        near_words(near.as_ref())
    ))]
    NothingToResume {
        /// A pipeline whose query is the same but for line ends and outer white space.
        near: Option<PipelineSummary>,
    },
    /// The intent is to create, and a pipeline has the query already.
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
        "pipeline {finished} has this query and has finished, so it cannot be resumed; ask for a new run"
    ))]
    Finished {
        /// The pipeline.
        finished: PipelineSummary,
    },
    /// The pipeline with the query has other UDFs: resuming it would run the old code.
    #[snafu(display(
        "pipeline {existing} has this query and other UDFs; resuming it would run the old code, which has to be allowed"
    ))]
    UdfsDiffer {
        /// The pipeline.
        existing: PipelineSummary,
    },
    /// A create was sent and it cannot be told whether it took effect. Resolving again looks for it first and sends no second one.
    #[snafu(display(
        "it is unknown whether pipeline {name:?}{} was created{}: the create was sent {}, and no such pipeline has shown up since; \
         look for it on the server, and submit again, which finds it if it is there",
        id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default(), at(url.as_ref()), Ago(*since)
    ))]
    OutcomeUnknown {
        /// The name it was to have.
        name: String,
        /// The id it was to have, where one was chosen.
        id: Option<PipelineId>,
        /// Where it was sent to.
        url: Option<String>,
        /// When it was sent.
        since: SystemTime,
        /// What was answered instead of an outcome.
        source: ClientError,
    },
    /// A create was sent earlier by this submission, and still it cannot be told whether it took effect.
    #[snafu(display(
        "it is still unknown whether pipeline {name:?}{} was created: the create was sent {}, and no such pipeline has shown up since; \
         look for it on the server; a new submission would create it anew",
        id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default(), Ago(*since)
    ))]
    StillUnknown {
        /// The name it was to have.
        name: String,
        /// The id it was to have, where one was chosen.
        id: Option<PipelineId>,
        /// When it was sent.
        since: SystemTime,
    },
    /// The server refuses the id because it exists already, and shows no pipeline under it: a row without a job.
    #[snafu(display(
        "the server takes no pipeline under the id {id} and shows none: an earlier create broke off half way; \
         DELETE /api/v1/pipelines/{id} frees the id"
    ))]
    Burnt {
        /// The id.
        id: PipelineId,
        /// The server's answer to the create.
        source: ClientError,
    },
    /// The server refused a request; nothing was made or started by it.
    #[snafu(display("the server refused to {action} pipeline {name:?}"))]
    Rejected {
        /// What was to be done.
        action: Action,
        /// The pipeline's name.
        name: String,
        /// The server's answer.
        source: ClientError,
    },
    /// The server did not answer in time, or not with what was asked for.
    #[snafu(display("could not {action} pipeline {name:?} within {}", Time(*elapsed)))]
    Unanswered {
        /// What was to be done.
        action: Action,
        /// The pipeline's name.
        name: String,
        /// How long it was tried.
        elapsed: Duration,
        /// The last failure.
        source: ClientError,
    },
    /// The pipeline was found, was on its way to an end, and did not reach it in time.
    #[snafu(display(
        "pipeline {existing} did not come to its end within {}, and can be resumed only after it; try again later",
        Time(*elapsed)
    ))]
    NotSettled {
        /// The pipeline.
        existing: PipelineSummary,
        /// How long it was waited for.
        elapsed: Duration,
        /// What was last known.
        #[snafu(source(from(LastSeen, Box::new)))]
        source: Box<LastSeen>,
    },
    /// The pipeline was found and is gone now.
    #[snafu(display(
        "pipeline {existing} was found and is gone; somebody has deleted it, or a node of the server lags behind: submit again"
    ))]
    Vanished {
        /// The pipeline.
        existing: PipelineSummary,
    },
}

impl ResolveError {
    /// A stable name of what happened, for metrics, alerts and tests.
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

    /// Could what was asked of the server have happened already?
    pub fn phase(&self) -> Phase {
        match self {
            Self::OutcomeUnknown { .. } | Self::StillUnknown { .. } => Phase::MaybeSent,
            Self::Rejected { source, .. } | Self::Unanswered { source, .. } => source.phase(),
            _ => Phase::Responded,
        }
    }

    /// Could the same call succeed later, with nothing changed by a person?
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

    /// The pipeline that it is about, where its id is known.
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

    /// What the server answered last, where that is the reason.
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
    /// Whether the server refused to create the pipeline because its query cannot be planned. It is then the query that has to be
    /// corrected, though it was valid when it was validated.
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

    /// A request that was tried until it was answered with a refusal, or until the deadline.
    pub(crate) fn unanswered(
        action: Action,
        name: &str,
        deadline: &Deadline,
        error: ClientError,
    ) -> Self {
        if !error.is_retryable() {
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

//! A create that was sent, or is about to be sent.

use std::{sync::Arc, time::SystemTime};

use stepwell_arroyo::{CreatePipeline, PipelineId};
use tokio::time::Instant;

use super::{pipeline_summary::PipelineSummary, resolve_error::ResolveError, shown::Shown};
use crate::{session::retry::Request, spec::PipelineSpec};

/// A create that this submission has sent or is about to send, with what is needed to find out later what became of it.
#[derive(Clone, Debug)]
pub(crate) struct CreateAttempt {
    pub(crate) spec: Arc<PipelineSpec>,
    pub(crate) mode: CreateMode,
    pub(crate) since: SystemTime,
    pub(crate) sent: Sent,
}

/// Which request creates the pipeline. What was read before limits the choice.
#[derive(Clone, Debug)]
pub(crate) enum CreateMode {
    /// The list was not read. Only a `PUT` under this id is allowed, never a `POST`: without the list, a new pipeline cannot be told from
    /// one that existed before.
    ById(PipelineId),
    /// The list was read.
    Listed(Listed),
}

/// A create that was decided from the list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// The id for a `PUT`; without it, a `POST` is sent.
    pub(crate) id: Option<PipelineId>,
    /// The id that was chosen first. A pipeline with this id was created by a `PUT`, never by our `POST`.
    pub(crate) chosen: Option<PipelineId>,
    /// Whether the list has the pipeline of the spec if the server turns out to choose the ids.
    pub(crate) has_stand_in: bool,
    /// A pipeline with almost the same query, beside which this one is created.
    pub(crate) near: Option<PipelineSummary>,
    /// All pipelines that existed before: if the server chooses the id, only a pipeline that is not among them can be ours.
    /// Sorted.
    pub(crate) before: Arc<[PipelineId]>,
    /// When the list began to be read.
    pub(crate) read_at: Instant,
}

/// Whether a server assigns such ids. Any other was chosen by a client, with `PUT`.
pub(super) fn is_given_by_servers(id: &PipelineId) -> bool {
    id.as_str().starts_with("pl_")
}

/// Which request was sent without a conclusive answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// None that could have taken effect.
    Nothing,
    /// A `PUT`: it may be repeated under the same id, but no `POST` may follow.
    Put,
    /// A `POST`: no other request may follow.
    Post,
}

impl CreateAttempt {
    /// The chosen id, if the server lets us choose (`PUT`).
    pub(crate) fn id(&self) -> Option<&PipelineId> {
        match &self.mode {
            CreateMode::ById(id) => Some(id),
            CreateMode::Listed(listed) => listed.id.as_ref(),
        }
    }

    /// When the list began to be read from which it was decided.
    pub(crate) fn read_at(&self) -> Option<Instant> {
        match &self.mode {
            CreateMode::ById(_) => None,
            CreateMode::Listed(listed) => Some(listed.read_at),
        }
    }

    /// Which request creates the pipeline.
    pub(crate) fn way(&self) -> Request {
        match self.id() {
            Some(_) => Request::Put,
            None => Request::Post,
        }
    }

    /// Switches to `POST`; `false` if the list has to decide first.
    pub(crate) fn leave_the_id_to_the_server(&mut self) -> bool {
        match &mut self.mode {
            CreateMode::ById(_) => false,
            CreateMode::Listed(listed) if listed.has_stand_in => false,
            CreateMode::Listed(listed) => {
                listed.id = None;
                true
            }
        }
    }

    /// A pipeline with almost the same query, beside which this one is created.
    pub(crate) fn near(&self) -> Option<&PipelineSummary> {
        match &self.mode {
            CreateMode::ById(_) => None,
            CreateMode::Listed(listed) => listed.near.as_ref(),
        }
    }

    pub(crate) fn in_doubt(&self) -> bool {
        self.sent != Sent::Nothing
    }

    /// Whether a create of this spec is the same, as far as pipelines can be told apart where the server chooses the ids.
    pub(crate) fn asks_for(&self, spec: &PipelineSpec) -> bool {
        self.spec.query() == spec.query() && self.spec.name() == spec.name()
    }

    /// The create is still in doubt, after it was looked for.
    pub(super) fn still_unknown(&self) -> ResolveError {
        ResolveError::StillUnknown {
            name: self.spec.name().to_owned(),
            id: self.id().cloned(),
            since: self.since,
        }
    }

    /// Whether the pipeline has the same query and is not a preview, which ends with its reader.
    pub(crate) fn is_for<'a>(&self, pipeline: impl Into<Shown<'a>>) -> bool {
        let shown = pipeline.into();
        !shown.preview && shown.query.is(self.spec.query())
    }

    /// Whether this pipeline may be the result of the create.
    pub(crate) fn may_have_made<'a>(&self, pipeline: impl Into<Shown<'a>>) -> bool {
        let shown = pipeline.into();
        let listed = match &self.mode {
            CreateMode::ById(id) | CreateMode::Listed(Listed { id: Some(id), .. }) => {
                return shown.id == id && self.is_for(shown);
            }
            CreateMode::Listed(listed) => listed,
        };
        shown.name == self.spec.name()
            && is_given_by_servers(shown.id)
            && listed.before.binary_search(shown.id).is_err()
            && listed.chosen.as_ref() != Some(shown.id)
            && self.is_for(shown)
    }

    pub(crate) fn request(&self) -> CreatePipeline {
        let spec = &self.spec;
        let parallelism = spec.parallelism().unwrap_or(std::num::NonZeroU32::MIN);
        let mut create = CreatePipeline::new(spec.shared_name(), spec.shared_query(), parallelism)
            .udfs(spec.udfs().to_vec())
            .tags(spec.tags().clone())
            .env_vars(spec.environment().clone());
        if let Some(interval) = spec.checkpoint_interval() {
            create = create.checkpoint_interval_micros(interval.micros());
        }
        if let Some(config) = spec.scheduler_config() {
            create = create.scheduler_config(config.clone());
        }
        create
    }
}

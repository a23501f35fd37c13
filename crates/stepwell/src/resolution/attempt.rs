use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use stepwell_arroyo::{CreatePipeline, PipelineId};

use super::shown::Shown;
use crate::spec::PipelineSpec;

/// A create that this submission has sent or is about to send, and what it takes to find out later what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) spec: Arc<PipelineSpec>,
    /// The id that was chosen, where the server lets us (`PUT`).
    pub(crate) id: Option<PipelineId>,
    /// The id that was chosen first. A pipeline that has it was made by somebody's `PUT`, never by a `POST` of ours.
    pub(crate) chosen: Option<PipelineId>,
    /// Every pipeline that was there before: without a chosen id, only one that is not among them can be ours.
    pub(crate) listed_before: Arc<BTreeSet<PipelineId>>,
    pub(crate) since: SystemTime,
    pub(crate) sent: Sent,
}

/// What was sent and not answered with certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing that could have taken effect.
    Nothing,
    /// A `PUT`: it may be repeated under the same id, and no `POST` may follow.
    Put,
    /// A `POST`: nothing may follow.
    Post,
}

impl Attempt {
    pub(crate) fn in_doubt(&self) -> bool {
        self.sent != Sent::Nothing
    }

    /// The same query, and not a preview, which ends with whoever looks at it.
    pub(crate) fn is_for<'a>(&self, pipeline: impl Into<Shown<'a>>) -> bool {
        let shown = pipeline.into();
        !shown.preview && shown.query.is(self.spec.query())
    }

    /// Whether this pipeline may be what came of the create.
    pub(crate) fn may_have_made<'a>(&self, pipeline: impl Into<Shown<'a>>) -> bool {
        let shown = pipeline.into();
        if let Some(id) = &self.id {
            return shown.id == id && self.is_for(shown);
        }
        shown.name == self.spec.name()
            && !self.listed_before.contains(shown.id)
            && self.chosen.as_ref() != Some(shown.id)
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

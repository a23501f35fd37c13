//! The pipeline of a submission.

use stepwell_arroyo::{Made, Pipeline, PipelineId};

/// The pipeline of a submission.
#[derive(Clone, Debug)]
#[allow(
    unnameable_types,
    unreachable_pub,
    reason = "visible through a sealed trait"
)]
pub struct Identified {
    pub(crate) id: PipelineId,
    pub(crate) name: String,
}

impl Identified {
    pub(crate) fn new(pipeline: &Pipeline) -> Self {
        Self {
            id: pipeline.id.clone(),
            name: pipeline.name.clone(),
        }
    }
}

impl From<Made> for Identified {
    fn from(made: Made) -> Self {
        Self {
            id: made.id,
            name: made.name,
        }
    }
}

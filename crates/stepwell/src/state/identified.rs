//! The pipeline that a submission is about.

use stepwell_arroyo::{Made, Pipeline, PipelineId};

/// The pipeline that a submission is about.
#[derive(Clone, Debug)]
#[allow(unnameable_types, unreachable_pub, reason = "a sealed trait shows it")]
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

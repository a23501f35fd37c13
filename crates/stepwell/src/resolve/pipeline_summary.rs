//! A pipeline as errors show it.

use std::fmt;

use stepwell_arroyo::{Pipeline, PipelineId};

/// A pipeline as errors show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineSummary {
    /// Its id.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
}

impl PipelineSummary {
    pub(crate) fn new(pipeline: &Pipeline) -> Self {
        Self {
            id: pipeline.id.clone(),
            name: pipeline.name.clone(),
        }
    }
}

impl fmt::Display for PipelineSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} ({})", self.name, self.id)
    }
}

/// The number of pipelines that an error lists before it counts the rest.
const LISTED: usize = 10;

pub(super) fn list(pipelines: &[PipelineSummary]) -> String {
    let mut text = pipelines
        .iter()
        .take(LISTED)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if pipelines.len() > LISTED {
        text = format!("{text} and {} more", pipelines.len() - LISTED);
    }
    text
}

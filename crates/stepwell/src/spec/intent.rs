//! What a submission may do to get its pipeline.

use serde::{Deserialize, Serialize};
use stepwell_arroyo::PipelineId;

/// What a submission may do to get its pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intent {
    /// Resume the pipeline with the same query, or create one.
    #[default]
    ResumeOrCreate,
    /// Create one; a pipeline with the same query is an error.
    CreateOnly,
    /// Resume the pipeline with the same query; that there is none is an error, and nothing is created.
    ResumeOnly,
    /// Resume exactly this pipeline: the choice between several with the same query.
    Resume(PipelineId),
}

/// What to do when the pipeline with the same query has finished, for a finished one cannot be resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenFinished {
    /// An error that says so.
    #[default]
    Refuse,
    /// Create a new pipeline, which starts from the beginning; not under [`Intent::ResumeOnly`] and [`Intent::Resume`], which create
    /// nothing.
    NewRun,
}

/// What to do when the pipeline to resume has other UDFs than the spec: the server would run the old code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenUdfsDiffer {
    /// An error that says so.
    #[default]
    Refuse,
    /// Resume with the old UDFs and report the difference.
    Allow,
}

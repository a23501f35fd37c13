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
    /// Resume the pipeline with the same query; if there is none, that is an error and nothing is created.
    ResumeOnly,
    /// Resume exactly this pipeline, for instance to choose between several with the same query.
    Resume(PipelineId),
}

/// What to do if the pipeline with the same query has finished, because a finished pipeline cannot be resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenFinished {
    /// Fail.
    #[default]
    Refuse,
    /// Create a new pipeline, which starts from the beginning. This does not apply to [`Intent::ResumeOnly`] and [`Intent::Resume`], which
    /// create nothing.
    NewRun,
}

/// What to do if the pipeline to resume has different UDFs from the spec: the server would run the old code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenUdfsDiffer {
    /// Fail.
    #[default]
    Refuse,
    /// Resume with the old UDFs and report the difference.
    Allow,
}

use stepwell_arroyo::{JobState, PipelineId, StopMode};

use crate::record::Record;

/// A pipeline that a [`Server`](super::Server) holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldPipeline {
    /// Its id.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
    /// Its query.
    pub query: String,
    /// How many subtasks each operator has.
    pub parallelism: u32,
    /// The state of its job.
    pub state: JobState,
    /// The number of its current or last run.
    pub run_id: u64,
    /// The stop mode that was requested; [`StopMode::None`] if the pipeline is meant to run.
    pub stop: StopMode,
    /// How many final checkpoints are complete.
    pub final_checkpoints: usize,
}

impl HeldPipeline {
    /// `None` if the pipeline has no job because its create failed halfway: a real server does not show it either.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        let job = record.job.as_ref()?;
        Some(Self {
            id: record.pipeline.id.clone(),
            name: record.pipeline.name.clone(),
            query: record.pipeline.query.clone(),
            parallelism: record.parallelism,
            state: job.state().clone(),
            run_id: job.shown.run_id,
            stop: record.pipeline.stop.clone(),
            final_checkpoints: record.final_checkpoints().count(),
        })
    }
}

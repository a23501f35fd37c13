//! Pipelines, jobs and checkpoints in the form of each release.

use serde::Serialize;
use stepwell_arroyo::{
    Checkpoint, Job, JobError, JobId, JobState, Pipeline, PipelineGraph, PipelineId, StopMode, Udf,
    Validation,
};

use crate::{Generation, action, record::Record};

/// A body in the form of the release that the variant is named after.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Shown<New, Old> {
    V0_16(New),
    V0_15(Old),
}

/// Without tags and `state_url` (recording `101_get` of 0.15.0).
#[derive(Serialize)]
pub(crate) struct OldPipeline {
    id: PipelineId,
    name: String,
    query: String,
    udfs: Vec<Udf>,
    checkpoint_interval_micros: u64,
    stop: StopMode,
    created_at: u64,
    action: Option<StopMode>,
    action_text: String,
    action_in_progress: bool,
    graph: PipelineGraph,
    preview: bool,
}

/// Without its pipeline, environment and configuration (recording `102_jobs` of 0.15.0).
#[derive(Serialize)]
pub(crate) struct OldJob<'a> {
    id: &'a JobId,
    running_desired: bool,
    state: &'a JobState,
    run_id: u64,
    start_time: Option<u64>,
    finish_time: Option<u64>,
    tasks: Option<u64>,
    failure_message: Option<&'a str>,
    created_at: u64,
}

/// Errors are texts without a position (recording `011_validate_unknown_column` of 0.15.0).
#[derive(Serialize)]
pub(crate) struct OldValidation {
    graph: Option<PipelineGraph>,
    errors: Vec<String>,
}

pub(crate) fn pipeline(record: &Record, generation: Generation) -> Shown<Pipeline, OldPipeline> {
    let shown = action::shown(record);
    if !generation.is_0_15() {
        return Shown::V0_16(shown);
    }
    Shown::V0_15(OldPipeline {
        id: shown.id,
        name: shown.name,
        query: shown.query,
        udfs: shown.udfs,
        checkpoint_interval_micros: shown.checkpoint_interval_micros,
        stop: shown.stop,
        created_at: shown.created_at,
        action: shown.action,
        action_text: shown.action_text,
        action_in_progress: shown.action_in_progress,
        graph: shown.graph,
        preview: shown.preview,
    })
}

pub(crate) fn job(job: &Job, generation: Generation) -> Shown<&Job, OldJob<'_>> {
    if !generation.is_0_15() {
        return Shown::V0_16(job);
    }
    Shown::V0_15(OldJob {
        id: &job.id,
        running_desired: job.running_desired,
        state: &job.state,
        run_id: job.run_id,
        start_time: job.start_time,
        finish_time: job.finish_time,
        tasks: job.tasks,
        failure_message: job
            .failure_reason
            .as_ref()
            .map(|reason| reason.error.as_str()),
        created_at: job.created_at,
    })
}

pub(crate) fn checkpoint(checkpoint: &Checkpoint, generation: Generation) -> Checkpoint {
    let mut shown = checkpoint.clone();
    if generation.is_0_15() {
        shown.checkpoint_type = None;
    }
    shown
}

pub(crate) fn job_error(error: &JobError, generation: Generation) -> JobError {
    let mut shown = error.clone();
    if generation.is_0_15() {
        shown.error_domain = None;
    }
    shown
}

pub(crate) fn validation(
    validation: Validation,
    generation: Generation,
) -> Shown<Validation, OldValidation> {
    if !generation.is_0_15() {
        return Shown::V0_16(validation);
    }
    let errors = validation.errors.iter();
    Shown::V0_15(OldValidation {
        errors: errors
            .map(|error| error.server_words().to_owned())
            .collect(),
        graph: validation.graph,
    })
}

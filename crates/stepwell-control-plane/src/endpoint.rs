//! The endpoints, one function each.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Serialize;
use stepwell_arroyo::{Page, PipelineId};

use crate::{
    ControlPlane, Generation,
    body::{self, OldPipelinePatch, PipelinePatch, PipelineRestart, Stop},
    create::INTERVALS,
    record::{Beginning, JobRecord, Record, Restart},
    reply::{Reply, empty, json, not_found, reject, reject_text, too_many_subtasks},
    route::parameter,
    shown,
};

const DEFAULT_LIMIT: usize = 10;

#[derive(Serialize)]
pub(crate) struct All<T> {
    pub(crate) data: Vec<T>,
}

pub(crate) fn ping() -> Reply {
    json(&"Pong")
}

pub(crate) fn list_pipelines(plane: &ControlPlane, query: &str) -> Reply {
    let limit = match limit(query) {
        Ok(limit) => limit,
        Err(refusal) => return refusal,
    };
    let mut listed: Vec<_> = plane
        .records
        .values()
        .filter(|record| record.is_listed())
        .collect();
    sort(&mut listed, plane.options.generation);
    if let Some(after) = parameter(query, "starting_after").filter(|after| !after.is_empty()) {
        // The page begins after the cursor's `created_at`: rows of the same moment are skipped, and an unknown cursor leaves nothing.
        let cursor = plane
            .records
            .get(&PipelineId::from_server(after))
            .map(|record| record.pipeline.created_at);
        listed.retain(|record| cursor.is_some_and(|cursor| record.pipeline.created_at < cursor));
    }
    json(&page(listed, limit, |record| {
        shown::pipeline(record, plane.options.generation)
    }))
}

/// Sorts the newest first. Pipelines of the same moment are in order of creation in 0.15 (recording `145_list_10000`), and in reverse order
/// later.
fn sort(records: &mut [&Record], generation: Generation) {
    records.sort_by_key(|record| {
        let sequence = if generation.is_0_15() {
            u64::MAX - record.sequence
        } else {
            record.sequence
        };
        std::cmp::Reverse((record.pipeline.created_at, sequence))
    });
}

/// The limit in a query, or the refusal.
fn limit(query: &str) -> Result<usize, Reply> {
    let Some(text) = parameter(query, "limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    match text.parse::<u32>() {
        Ok(0) => Err(reject(
            StatusCode::BAD_REQUEST,
            "Limit must be greater than 0",
        )),
        Ok(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
        Err(error) => Err(reject_text(&format!(
            "Failed to deserialize query string: {error}"
        ))),
    }
}

fn page<T, U>(rows: Vec<T>, limit: usize, show: impl Fn(T) -> U) -> Page<U> {
    let has_more = rows.len() > limit;
    Page::new(rows.into_iter().take(limit).map(show).collect(), has_more)
}

pub(crate) fn get_pipeline(plane: &ControlPlane, id: &PipelineId) -> Reply {
    match plane.records.get(id) {
        Some(record @ Record { job: Some(_), .. }) => {
            json(&shown::pipeline(record, plane.options.generation))
        }
        _ => not_found("Pipeline"),
    }
}

pub(crate) fn patch(plane: &mut ControlPlane, request: &Request<Bytes>, id: &PipelineId) -> Reply {
    let generation = plane.options.generation;
    let patch = match generation {
        Generation::V0_15(_) => body::read::<OldPipelinePatch>(request).map(PipelinePatch::from),
        Generation::V0_16 => body::read::<PipelinePatch>(request),
    };
    let patch = match patch {
        Ok(patch) => patch,
        Err(refusal) => return refusal,
    };
    if plane
        .records
        .get(id)
        .is_none_or(|record| record.job.is_none())
    {
        return no_job_to_patch(generation);
    }
    if patch
        .checkpoint_interval_micros
        .is_some_and(|interval| !INTERVALS.contains(&interval))
    {
        return reject(
            StatusCode::BAD_REQUEST,
            "checkpoint_interval_micros must be between 1 second and 1 day",
        );
    }
    let kept = plane
        .records
        .get(id)
        .filter(|_| matches!(patch.stop, Some(Stop::None)))
        .map(|record| u64::from(record.parallelism));
    if let Some(refusal) = patch
        .parallelism
        .or(kept)
        .and_then(|parallelism| too_many_subtasks(parallelism, &plane.options))
    {
        return refusal;
    }
    let Some(record @ Record { job: Some(_), .. }) = plane.change(id) else {
        return no_job_to_patch(generation);
    };
    if let Some(stop) = patch.stop {
        record.pipeline.stop = stop.into();
    }
    if let Some(parallelism) = patch.parallelism {
        record.parallelism = u32::try_from(parallelism).unwrap_or(u32::MAX);
        record.pipeline.graph = record.pipeline.graph.with_parallelism(record.parallelism);
    }
    if let Some(interval) = patch.checkpoint_interval_micros {
        record.pipeline.checkpoint_interval_micros = interval;
    }
    let told_to_run = record.is_told_to_run();
    if let Some(job) = &mut record.job {
        job.shown.running_desired = told_to_run;
        if let Some(env_vars) = patch
            .env_vars
            .filter(|env_vars| *env_vars != job.shown.env_vars)
        {
            job.shown.env_vars = env_vars;
            job.restart.get_or_insert(Restart::Safe);
        }
        if let Some(config) = patch
            .scheduler_config
            .filter(|config| !config.is_null() && *config != job.shown.scheduler_config)
        {
            job.shown.scheduler_config = config;
            job.restart.get_or_insert(Restart::Safe);
        }
        if std::mem::take(&mut job.patch_restarts) && told_to_run {
            job.restart.get_or_insert(job.patch_restart);
        }
    }
    json(&shown::pipeline(record, generation))
}

fn no_job_to_patch(generation: Generation) -> Reply {
    match generation {
        Generation::V0_15(_) => reject(
            StatusCode::BAD_REQUEST,
            "There are no jobs for the pipeline",
        ),
        Generation::V0_16 => not_found("Job for pipeline"),
    }
}

pub(crate) fn restart(
    plane: &mut ControlPlane,
    request: &Request<Bytes>,
    id: &PipelineId,
) -> Reply {
    let restart: PipelineRestart = match body::read(request) {
        Ok(restart) => restart,
        Err(refusal) => return refusal,
    };
    let parallelism = plane.records.get(id).map(|record| record.parallelism);
    if let Some(refusal) =
        parallelism.and_then(|parallelism| too_many_subtasks(parallelism.into(), &plane.options))
    {
        return refusal;
    }
    let patch_restarts = plane.options.patch_repeats_restart;
    let generation = plane.options.generation;
    let Some(record @ Record { job: Some(_), .. }) = plane.change(id) else {
        return reject(StatusCode::BAD_REQUEST, "No jobs for pipeline");
    };
    if let Some(job) = &mut record.job {
        job.patch_restarts = patch_restarts;
        job.beginning = if restart.ignore_state == Some(true) {
            Beginning::Nothing
        } else {
            Beginning::Checkpoint
        };
        let mode = if restart.force == Some(true) {
            Restart::Force
        } else {
            Restart::Safe
        };
        job.restart = Some(mode);
        // The same way as the last restart (recordings `132_rescale` and `137_checkpoints_after` of 0.15.0). For 0.16 this is not known,
        // and a checkpoint loses nothing.
        job.patch_restart = if generation.is_0_15() {
            mode
        } else {
            Restart::Safe
        };
    }
    json(&shown::pipeline(record, generation))
}

pub(crate) fn delete(plane: &mut ControlPlane, id: &PipelineId) -> Reply {
    match plane.records.get(id) {
        None => not_found("Pipeline"),
        Some(Record { job: Some(job), .. }) if !job.state().is_terminal() => reject(
            StatusCode::BAD_REQUEST,
            "Pipeline's jobs must be in a terminal state (stopped, finished, or failed) before it can be deleted",
        ),
        Some(_) => {
            plane.remove(id);
            empty()
        }
    }
}

pub(crate) fn all_jobs(plane: &ControlPlane) -> Reply {
    let mut records: Vec<_> = plane
        .records
        .values()
        .filter(|record| !record.pipeline.preview)
        .collect();
    sort(&mut records, plane.options.generation);
    let jobs = records.into_iter().filter_map(|record| record.job.as_ref());
    json(&All {
        data: jobs
            .map(|job| shown::job(&job.shown, plane.options.generation))
            .collect(),
    })
}

pub(crate) fn jobs(plane: &ControlPlane, id: &PipelineId) -> Reply {
    match plane.records.get(id).and_then(|record| record.job.as_ref()) {
        Some(job) => json(&All {
            data: vec![shown::job(&job.shown, plane.options.generation)],
        }),
        None => not_found("Pipeline"),
    }
}

pub(crate) fn job_errors(plane: &ControlPlane, id: &PipelineId, job: &str, query: &str) -> Reply {
    let limit = match limit(query) {
        Ok(limit) => limit,
        Err(refusal) => return refusal,
    };
    let Some(job) = find_job(plane, id, job) else {
        return not_found("Job");
    };
    let mut errors: Vec<_> = job.errors.iter().collect();
    if let Some(after) = parameter(query, "starting_after").filter(|after| !after.is_empty()) {
        let last_read = errors.iter().position(|error| error.id == after);
        errors = last_read.map_or_else(Vec::new, |index| errors.split_off(index + 1));
    }
    json(&page(errors, limit, |error| {
        shown::job_error(error, plane.options.generation)
    }))
}

pub(crate) fn checkpoints(plane: &ControlPlane, id: &PipelineId, job: &str) -> Reply {
    match find_job(plane, id, job) {
        Some(job) => json(&All {
            data: job
                .checkpoints
                .iter()
                .map(|checkpoint| shown::checkpoint(checkpoint, plane.options.generation))
                .collect(),
        }),
        None => not_found("Job"),
    }
}

pub(crate) fn find_job<'a>(
    plane: &'a ControlPlane,
    id: &PipelineId,
    job: &str,
) -> Option<&'a JobRecord> {
    let found = plane.records.get(id)?.job.as_ref()?;
    (found.shown.id.as_str() == job).then_some(found)
}

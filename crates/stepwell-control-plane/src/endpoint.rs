//! The endpoints, one function each.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Serialize;
use stepwell_arroyo::{Job, JobId, Page, Pipeline, PipelineId, SqlDiagnostic, Validation};

use crate::{
    ControlPlane, Environment, PlanFailure, action,
    body::{
        self, PipelinePatch, PipelinePost, PipelineRestart, PreviewPost, Stop, ValidateQueryPost,
    },
    record::{Beginning, JobRecord, Record, Restart},
    reply::{Reply, empty, json, not_found, reject, reject_text, too_many_subtasks},
    route::parameter,
    worker::micros,
};

/// A checkpoint interval may be 1 second to 1 day.
const INTERVALS: std::ops::RangeInclusive<u64> = 1_000_000..=86_400_000_000;

const DEFAULT_INTERVAL: u64 = 10_000_000;

const DEFAULT_LIMIT: usize = 10;

#[derive(Serialize)]
pub(crate) struct All<T> {
    pub(crate) data: Vec<T>,
}

pub(crate) fn ping() -> Reply {
    json(&"Pong")
}

pub(crate) fn validate(environment: &mut dyn Environment, request: &Request<Bytes>) -> Reply {
    let post: ValidateQueryPost = match body::read(request) {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    match environment.plan(&post.query, &post.udfs.unwrap_or_default(), 1) {
        Ok(plan) => json(&Validation::valid(plan.graph)),
        Err(PlanFailure::Diagnostics(errors)) => json(&Validation::invalid(errors)),
        Err(PlanFailure::InvalidUdf(error)) => reject(StatusCode::BAD_REQUEST, &error),
    }
}

pub(crate) fn create(
    plane: &mut ControlPlane,
    environment: &mut dyn Environment,
    request: &Request<Bytes>,
    id: Option<PipelineId>,
) -> Reply {
    match body::read::<PipelinePost>(request) {
        Ok(post) => insert(plane, environment, post, id, false),
        Err(refusal) => refusal,
    }
}

/// A pipeline that is made to be looked at: it is not listed, and takes no checkpoints.
pub(crate) fn preview(
    plane: &mut ControlPlane,
    environment: &mut dyn Environment,
    request: &Request<Bytes>,
) -> Reply {
    let post: PreviewPost = match body::read(request) {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let post = PipelinePost {
        name: format!("preview_{}", environment.now() / 1_000),
        query: post.query,
        parallelism: 1,
        checkpoint_interval_micros: Some(*INTERVALS.end()),
        udfs: post.udfs,
        state_url: None,
        tags: None,
        env_vars: None,
        scheduler_config: None,
    };
    insert(plane, environment, post, None, true)
}

fn insert(
    plane: &mut ControlPlane,
    environment: &mut dyn Environment,
    post: PipelinePost,
    id: Option<PipelineId>,
    preview: bool,
) -> Reply {
    if let Some(refusal) = too_many_subtasks(post.parallelism, &plane.options) {
        return refusal;
    }
    let udfs = post.udfs.unwrap_or_default();
    let parallelism = u32::try_from(post.parallelism).unwrap_or(u32::MAX);
    let plan = match environment.plan(&post.query, &udfs, parallelism) {
        Ok(plan) => plan,
        Err(PlanFailure::Diagnostics(errors)) => {
            return reject(StatusCode::BAD_REQUEST, &planning_failed(&errors));
        }
        Err(PlanFailure::InvalidUdf(error)) => return reject(StatusCode::BAD_REQUEST, &error),
    };
    if post.name.is_empty() {
        return reject(StatusCode::BAD_REQUEST, "Field name must be set");
    }
    let id = id.unwrap_or_else(|| PipelineId::from_server(environment.new_id("pl_")));
    if plane.records.contains_key(&id) {
        return reject(
            StatusCode::BAD_REQUEST,
            "A record already exists with that name or id",
        );
    }
    let now = environment.now();
    let resolution = micros(plane.options.created_at_resolution).max(1);
    let created_at = now - now % resolution;
    let mut pipeline = Pipeline::new(id.clone(), post.name, post.query, created_at);
    pipeline.udfs = udfs;
    pipeline.graph = plan.graph;
    pipeline.preview = preview;
    pipeline.state_url = post.state_url;
    pipeline.tags = post.tags.unwrap_or_default();
    pipeline.checkpoint_interval_micros =
        post.checkpoint_interval_micros.unwrap_or(DEFAULT_INTERVAL);
    let sequence = plane.next_sequence;
    plane.next_sequence += 1;
    let mut record = Record {
        pipeline,
        sequence,
        parallelism,
        job: None,
    };
    if !INTERVALS.contains(&record.pipeline.checkpoint_interval_micros) {
        // The row is written before this is looked at, and stays: the id is taken, and `GET` does not show it.
        plane.insert(record);
        return reject(
            StatusCode::BAD_REQUEST,
            "Checkpoint_interval_micros must be between 1 second and 1 day.",
        );
    }
    let mut job = Job::new(
        JobId::from_server(environment.new_id("job_")),
        id,
        created_at,
    );
    job.env_vars = post.env_vars.unwrap_or_default();
    job.scheduler_config = post
        .scheduler_config
        .filter(|config| !config.is_null())
        .unwrap_or(job.scheduler_config);
    record.job = Some(JobRecord::new(job, parallelism));
    let reply = json(&action::shown(&record));
    plane.insert(record);
    reply
}

fn planning_failed(errors: &[SqlDiagnostic]) -> String {
    let mut text = String::from("Failed to plan query:");
    for error in errors {
        text.push_str("\n * ");
        text.push_str(&error.message);
    }
    text
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
    listed.sort_by_key(|record| std::cmp::Reverse((record.pipeline.created_at, record.sequence)));
    if let Some(after) = parameter(query, "starting_after").filter(|after| !after.is_empty()) {
        // "Created before the cursor": rows of the same moment are skipped, and an unknown cursor leaves nothing.
        let cursor = plane
            .records
            .get(&PipelineId::from_server(after))
            .map(|record| record.pipeline.created_at);
        listed.retain(|record| cursor.is_some_and(|cursor| record.pipeline.created_at < cursor));
    }
    json(&page(listed, limit, action::shown))
}

/// The limit that a query asks for, or the refusal.
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
        Some(record @ Record { job: Some(_), .. }) => json(&action::shown(record)),
        _ => not_found("Pipeline"),
    }
}

pub(crate) fn patch(plane: &mut ControlPlane, request: &Request<Bytes>, id: &PipelineId) -> Reply {
    let patch: PipelinePatch = match body::read(request) {
        Ok(patch) => patch,
        Err(refusal) => return refusal,
    };
    if plane
        .records
        .get(id)
        .is_none_or(|record| record.job.is_none())
    {
        return not_found("Job for pipeline");
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
        return not_found("Job for pipeline");
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
        if let Some(config) = patch.scheduler_config.filter(|config| !config.is_null()) {
            job.shown.scheduler_config = config;
        }
        if std::mem::take(&mut job.patch_restarts) && told_to_run {
            job.restart.get_or_insert(Restart::Safe);
        }
    }
    json(&action::shown(record))
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
        job.restart = Some(if restart.force == Some(true) {
            Restart::Force
        } else {
            Restart::Safe
        });
    }
    json(&action::shown(record))
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
    records.sort_by_key(|record| std::cmp::Reverse((record.pipeline.created_at, record.sequence)));
    let jobs = records.into_iter().filter_map(|record| record.job.as_ref());
    json(&All {
        data: jobs.map(|job| &job.shown).collect(),
    })
}

pub(crate) fn jobs(plane: &ControlPlane, id: &PipelineId) -> Reply {
    match plane.records.get(id).and_then(|record| record.job.as_ref()) {
        Some(job) => json(&All {
            data: vec![&job.shown],
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
    json(&page(errors, limit, |error| error))
}

pub(crate) fn checkpoints(plane: &ControlPlane, id: &PipelineId, job: &str) -> Reply {
    match find_job(plane, id, job) {
        Some(job) => json(&All {
            data: job.checkpoints.iter().collect(),
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

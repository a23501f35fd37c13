//! Validating queries and creating pipelines.

use bytes::Bytes;
use http::{Request, StatusCode};
use stepwell_arroyo::{Job, JobId, Pipeline, PipelineId, SqlDiagnostic, Validation};

use crate::{
    ControlPlane, Environment, Generation, PlanFailure,
    body::{self, OldPipelinePost, PipelinePost, PreviewPost, ValidateQueryPost},
    record::{JobRecord, Record},
    reply::{Reply, json, reject, too_many_subtasks},
    shown,
    worker::micros,
};

/// A checkpoint interval must be between 1 second and 1 day.
pub(crate) const INTERVALS: std::ops::RangeInclusive<u64> = 1_000_000..=86_400_000_000;

const DEFAULT_INTERVAL: u64 = 10_000_000;

pub(crate) fn validate(
    plane: &ControlPlane,
    environment: &mut dyn Environment,
    request: &Request<Bytes>,
) -> Reply {
    let post: ValidateQueryPost = match body::read(request) {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let validation = match environment.plan(&post.query, &post.udfs.unwrap_or_default(), 1) {
        Ok(plan) => Validation::valid(plan.graph),
        Err(PlanFailure::Diagnostics(errors)) => Validation::invalid(errors),
        Err(PlanFailure::InvalidUdf(error)) => return reject(StatusCode::BAD_REQUEST, &error),
    };
    json(&shown::validation(validation, plane.options.generation))
}

pub(crate) fn pipeline(
    plane: &mut ControlPlane,
    environment: &mut dyn Environment,
    request: &Request<Bytes>,
    id: Option<PipelineId>,
) -> Reply {
    let post = match plane.options.generation {
        Generation::V0_15(_) => body::read::<OldPipelinePost>(request).map(PipelinePost::from),
        Generation::V0_16 => body::read::<PipelinePost>(request),
    };
    match post {
        Ok(post) => insert(plane, environment, post, id, false),
        Err(refusal) => refusal,
    }
}

/// Creates a preview, which is not listed and takes no checkpoints.
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
            return reject(
                StatusCode::BAD_REQUEST,
                &planning_failed(&errors, plane.options.generation),
            );
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
        // The row is written before the interval is checked, and it stays: the id is taken, but `GET` does not show it.
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
    let reply = json(&shown::pipeline(&record, plane.options.generation));
    plane.insert(record);
    reply
}

fn planning_failed(errors: &[SqlDiagnostic], generation: Generation) -> String {
    if generation.is_0_15() {
        let first = errors.first().map(SqlDiagnostic::server_words);
        return first.unwrap_or_default().to_owned();
    }
    let mut text = String::from("Failed to plan query:");
    for error in errors {
        text.push_str("\n * ");
        text.push_str(&error.message);
    }
    text
}

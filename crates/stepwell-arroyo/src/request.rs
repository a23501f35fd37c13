//! Requests, without sending them.

use std::num::NonZeroU32;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use serde::Serialize;

use crate::{
    CreatePipeline, JobId, Operation, PatchPipeline, PipelineId, RestartPipeline, Udf,
    encode::encode_segment, error::ClientErrorKind, output::EVENT_STREAM, wire::ValidateQuery,
};

/// How many entries of a job's log are asked for: more than a person reads. One page, for at the border of two the server's cursor skips
/// entries of the same second.
const JOB_ERRORS: u32 = 1_000;

/// A request and what it is for.
pub(crate) struct ApiRequest {
    pub(crate) operation: Operation,
    /// The id or the name of the pipeline that it is about.
    pub(crate) pipeline: Option<String>,
    pub(crate) request: Result<Request<Bytes>, ClientErrorKind>,
}

impl ApiRequest {
    fn plain(operation: Operation, method: Method, path: &str) -> Self {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, JSON)
            .body(Bytes::new());
        Self {
            operation,
            pipeline: None,
            request: request.map_err(unwritable),
        }
    }

    fn json(operation: Operation, method: Method, path: &str, body: &impl Serialize) -> Self {
        let request = serde_json::to_vec(body)
            .map_err(unwritable)
            .and_then(|body| {
                Request::builder()
                    .method(method)
                    .uri(path)
                    .header(header::ACCEPT, JSON)
                    .header(header::CONTENT_TYPE, JSON)
                    .body(Bytes::from(body))
                    .map_err(unwritable)
            });
        Self {
            operation,
            pipeline: None,
            request,
        }
    }

    fn about(mut self, pipeline: &str) -> Self {
        self.pipeline = Some(pipeline.to_owned());
        self
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> ClientErrorKind {
    ClientErrorKind::Request {
        source: Box::new(error),
    }
}

pub(crate) fn ping() -> ApiRequest {
    ApiRequest::plain(Operation::Ping, Method::GET, "/api/v1/ping")
}

pub(crate) fn validate(query: &str, udfs: &[Udf]) -> ApiRequest {
    ApiRequest::json(
        Operation::Validate,
        Method::POST,
        "/api/v1/pipelines/validate_query",
        &ValidateQuery { query, udfs },
    )
}

pub(crate) fn list_pipelines(limit: NonZeroU32, starting_after: Option<&PipelineId>) -> ApiRequest {
    let after = starting_after.map(|id| format!("&starting_after={}", encode_segment(id.as_str())));
    let path = format!(
        "/api/v1/pipelines?limit={limit}{}",
        after.unwrap_or_default()
    );
    ApiRequest::plain(Operation::ListPipelines, Method::GET, &path)
}

pub(crate) fn get_pipeline(id: &PipelineId) -> ApiRequest {
    ApiRequest::plain(Operation::GetPipeline, Method::GET, &path(id, "")).about(id.as_str())
}

pub(crate) fn create(pipeline: &CreatePipeline) -> ApiRequest {
    ApiRequest::json(
        Operation::Create,
        Method::POST,
        "/api/v1/pipelines",
        pipeline,
    )
    .about(&pipeline.name)
}

pub(crate) fn create_with_id(id: &PipelineId, pipeline: &CreatePipeline) -> ApiRequest {
    ApiRequest::json(
        Operation::CreateWithId,
        Method::PUT,
        &path(id, ""),
        pipeline,
    )
    .about(id.as_str())
}

pub(crate) fn patch(id: &PipelineId, patch: &PatchPipeline) -> ApiRequest {
    ApiRequest::json(Operation::Patch, Method::PATCH, &path(id, ""), patch).about(id.as_str())
}

pub(crate) fn restart(id: &PipelineId, restart: &RestartPipeline) -> ApiRequest {
    let path = path(id, "/restart");
    ApiRequest::json(Operation::Restart, Method::POST, &path, restart).about(id.as_str())
}

pub(crate) fn delete(id: &PipelineId) -> ApiRequest {
    ApiRequest::plain(Operation::Delete, Method::DELETE, &path(id, "")).about(id.as_str())
}

pub(crate) fn jobs(id: &PipelineId) -> ApiRequest {
    ApiRequest::plain(Operation::Jobs, Method::GET, &path(id, "/jobs")).about(id.as_str())
}

pub(crate) fn job_errors(id: &PipelineId, job: &JobId) -> ApiRequest {
    let rest = format!(
        "/jobs/{}/errors?limit={JOB_ERRORS}",
        encode_segment(job.as_str())
    );
    ApiRequest::plain(Operation::JobErrors, Method::GET, &path(id, &rest)).about(id.as_str())
}

pub(crate) fn checkpoints(id: &PipelineId, job: &JobId) -> ApiRequest {
    let rest = format!("/jobs/{}/checkpoints", encode_segment(job.as_str()));
    ApiRequest::plain(Operation::Checkpoints, Method::GET, &path(id, &rest)).about(id.as_str())
}

pub(crate) fn output(id: &PipelineId, job: &JobId) -> ApiRequest {
    let rest = format!("/jobs/{}/output", encode_segment(job.as_str()));
    let mut request =
        ApiRequest::plain(Operation::Output, Method::GET, &path(id, &rest)).about(id.as_str());
    if let Ok(request) = &mut request.request {
        let accepted = HeaderValue::from_static(EVENT_STREAM);
        request.headers_mut().insert(header::ACCEPT, accepted);
    }
    request
}

fn path(id: &PipelineId, rest: &str) -> String {
    format!("/api/v1/pipelines/{}{rest}", encode_segment(id.as_str()))
}

#[cfg(test)]
mod tests;

//! Requests, without sending them.

use std::num::NonZeroU32;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use serde::Serialize;

use crate::{JobId, Operation, PipelineId, encode::encode_segment, error::ClientErrorKind};

/// A request and what it is for.
pub(crate) struct ApiRequest {
    pub(crate) operation: Operation,
    pub(crate) request: Result<Request<Bytes>, Box<dyn std::error::Error + Send + Sync>>,
}

impl ApiRequest {
    fn plain(operation: Operation, method: Method, path: &str) -> Self {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, HeaderValue::from_static("application/json"))
            .body(Bytes::new());
        Self {
            operation,
            request: request.map_err(Into::into),
        }
    }

    fn json(operation: Operation, method: Method, path: &str, body: &impl Serialize) -> Self {
        let request = serde_json::to_vec(body)
            .map_err(Into::into)
            .and_then(|body| {
                let json = HeaderValue::from_static("application/json");
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(header::ACCEPT, json.clone())
                    .header(header::CONTENT_TYPE, json)
                    .body(Bytes::from(body));
                request.map_err(Into::into)
            });
        Self { operation, request }
    }

    pub(crate) fn into_request(self, url: String) -> Result<Request<Bytes>, ClientErrorKind> {
        let operation = self.operation;
        self.request.map_err(|source| ClientErrorKind::Request {
            operation,
            url,
            source,
        })
    }
}

pub(crate) fn ping() -> ApiRequest {
    ApiRequest::plain(Operation::Ping, Method::GET, "/api/v1/ping")
}

pub(crate) fn validate(body: &impl Serialize) -> ApiRequest {
    ApiRequest::json(
        Operation::Validate,
        Method::POST,
        "/api/v1/pipelines/validate_query",
        body,
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
    ApiRequest::plain(Operation::GetPipeline, Method::GET, &pipeline(id, ""))
}

pub(crate) fn create(body: &impl Serialize) -> ApiRequest {
    ApiRequest::json(Operation::Create, Method::POST, "/api/v1/pipelines", body)
}

pub(crate) fn create_with_id(id: &PipelineId, body: &impl Serialize) -> ApiRequest {
    ApiRequest::json(
        Operation::CreateWithId,
        Method::PUT,
        &pipeline(id, ""),
        body,
    )
}

pub(crate) fn patch(id: &PipelineId, body: &impl Serialize) -> ApiRequest {
    ApiRequest::json(Operation::Patch, Method::PATCH, &pipeline(id, ""), body)
}

pub(crate) fn restart(id: &PipelineId, body: &impl Serialize) -> ApiRequest {
    ApiRequest::json(
        Operation::Restart,
        Method::POST,
        &pipeline(id, "/restart"),
        body,
    )
}

pub(crate) fn delete(id: &PipelineId) -> ApiRequest {
    ApiRequest::plain(Operation::Delete, Method::DELETE, &pipeline(id, ""))
}

pub(crate) fn jobs(id: &PipelineId) -> ApiRequest {
    ApiRequest::plain(Operation::Jobs, Method::GET, &pipeline(id, "/jobs"))
}

pub(crate) fn job_errors(id: &PipelineId, job: &JobId, starting_after: Option<&str>) -> ApiRequest {
    let after = starting_after.map(|id| format!("&starting_after={}", encode_segment(id)));
    let path = pipeline(
        id,
        &format!(
            "/jobs/{}/errors?limit=100{}",
            encode_segment(job.as_str()),
            after.unwrap_or_default()
        ),
    );
    ApiRequest::plain(Operation::JobErrors, Method::GET, &path)
}

pub(crate) fn checkpoints(id: &PipelineId, job: &JobId) -> ApiRequest {
    let path = pipeline(
        id,
        &format!("/jobs/{}/checkpoints", encode_segment(job.as_str())),
    );
    ApiRequest::plain(Operation::Checkpoints, Method::GET, &path)
}

fn pipeline(id: &PipelineId, rest: &str) -> String {
    format!("/api/v1/pipelines/{}{rest}", encode_segment(id.as_str()))
}

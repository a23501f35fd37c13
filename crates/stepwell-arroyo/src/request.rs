//! Building requests.

use std::{
    fmt::{self, Write},
    num::NonZeroU32,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use serde::Serialize;

use crate::{
    CreatePipeline, JobId, Operation, PatchPipeline, PipelineId, RestartPipeline, Udf,
    error::ClientErrorKind,
    output::EVENT_STREAM,
    path_buffer::PathBuffer,
    percent_encode::{Segment, write_segment},
    wire::ValidateQuery,
};

/// The limit for a job's errors, more than a person reads. Only one page is read, because at the border of two the server's cursor skips
/// entries of the same second.
const JOB_ERRORS: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

/// A request and its purpose.
pub(crate) struct ApiRequest<'a> {
    pub(crate) operation: Operation,
    /// The id or the name of the pipeline.
    pub(crate) pipeline: Option<&'a str>,
    pub(crate) request: Result<Request<Bytes>, ClientErrorKind>,
}

impl<'a> ApiRequest<'a> {
    fn plain(operation: Operation, method: Method, uri: Result<Uri, ClientErrorKind>) -> Self {
        Self {
            operation,
            pipeline: None,
            request: uri.map(|uri| {
                let mut request = Request::new(Bytes::new());
                *request.method_mut() = method;
                *request.uri_mut() = uri;
                request.headers_mut().insert(header::ACCEPT, JSON);
                request
            }),
        }
    }

    fn json(
        operation: Operation,
        method: Method,
        uri: Result<Uri, ClientErrorKind>,
        body: &impl Serialize,
    ) -> Self {
        let mut plain = Self::plain(operation, method, uri);
        plain.request = plain.request.and_then(|mut request| {
            request.headers_mut().insert(header::CONTENT_TYPE, JSON);
            // Most queries fit, so the buffer does not grow.
            let mut text = Vec::with_capacity(BODY);
            serde_json::to_writer(&mut text, body).map_err(unwritable)?;
            *request.body_mut() = text.into();
            Ok(request)
        });
        plain
    }

    fn about(mut self, pipeline: &'a str) -> Self {
        self.pipeline = Some(pipeline);
        self
    }
}

/// The initial capacity of a body, in bytes.
const BODY: usize = 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> ClientErrorKind {
    ClientErrorKind::Request {
        source: Box::new(error),
    }
}

pub(crate) fn ping() -> ApiRequest<'static> {
    let uri = Uri::from_static("/api/v1/ping");
    ApiRequest::plain(Operation::Ping, Method::GET, Ok(uri))
}

pub(crate) fn validate(query: &str, udfs: &[Udf]) -> ApiRequest<'static> {
    ApiRequest::json(
        Operation::Validate,
        Method::POST,
        Ok(Uri::from_static("/api/v1/pipelines/validate_query")),
        &ValidateQuery { query, udfs },
    )
}

pub(crate) fn list_pipelines(
    limit: NonZeroU32,
    starting_after: Option<&PipelineId>,
) -> ApiRequest<'static> {
    let uri = uri(|path| {
        write!(path, "/api/v1/pipelines?limit={limit}")?;
        match starting_after {
            Some(id) => write!(path, "&starting_after={}", Segment(id.as_str())),
            None => Ok(()),
        }
    });
    ApiRequest::plain(Operation::ListPipelines, Method::GET, uri)
}

pub(crate) fn get_pipeline(id: &PipelineId) -> ApiRequest<'_> {
    ApiRequest::plain(Operation::GetPipeline, Method::GET, path(id, "")).about(id.as_str())
}

pub(crate) fn create(pipeline: &CreatePipeline) -> ApiRequest<'_> {
    ApiRequest::json(
        Operation::Create,
        Method::POST,
        Ok(Uri::from_static("/api/v1/pipelines")),
        pipeline,
    )
    .about(&pipeline.name)
}

pub(crate) fn create_with_id<'a>(id: &'a PipelineId, pipeline: &CreatePipeline) -> ApiRequest<'a> {
    ApiRequest::json(Operation::CreateWithId, Method::PUT, path(id, ""), pipeline)
        .about(id.as_str())
}

pub(crate) fn patch<'a>(id: &'a PipelineId, patch: &PatchPipeline) -> ApiRequest<'a> {
    ApiRequest::json(Operation::Patch, Method::PATCH, path(id, ""), patch).about(id.as_str())
}

pub(crate) fn restart<'a>(id: &'a PipelineId, restart: &RestartPipeline) -> ApiRequest<'a> {
    let path = path(id, "/restart");
    ApiRequest::json(Operation::Restart, Method::POST, path, restart).about(id.as_str())
}

pub(crate) fn delete(id: &PipelineId) -> ApiRequest<'_> {
    ApiRequest::plain(Operation::Delete, Method::DELETE, path(id, "")).about(id.as_str())
}

pub(crate) fn jobs(id: &PipelineId) -> ApiRequest<'_> {
    ApiRequest::plain(Operation::Jobs, Method::GET, path(id, "/jobs")).about(id.as_str())
}

pub(crate) fn all_jobs() -> ApiRequest<'static> {
    let uri = Uri::from_static("/api/v1/jobs");
    ApiRequest::plain(Operation::AllJobs, Method::GET, Ok(uri))
}

pub(crate) fn job_errors<'a>(id: &'a PipelineId, job: &JobId) -> ApiRequest<'a> {
    newest_job_errors(id, job, JOB_ERRORS)
}

pub(crate) fn newest_job_errors<'a>(
    id: &'a PipelineId,
    job: &JobId,
    limit: NonZeroU32,
) -> ApiRequest<'a> {
    let rest = format!("/jobs/{}/errors?limit={limit}", Segment(job.as_str()));
    ApiRequest::plain(Operation::JobErrors, Method::GET, path(id, &rest)).about(id.as_str())
}

pub(crate) fn checkpoints<'a>(id: &'a PipelineId, job: &JobId) -> ApiRequest<'a> {
    let rest = format!("/jobs/{}/checkpoints", Segment(job.as_str()));
    ApiRequest::plain(Operation::Checkpoints, Method::GET, path(id, &rest)).about(id.as_str())
}

pub(crate) fn output<'a>(id: &'a PipelineId, job: &JobId) -> ApiRequest<'a> {
    let rest = format!("/jobs/{}/output", Segment(job.as_str()));
    let mut request =
        ApiRequest::plain(Operation::Output, Method::GET, path(id, &rest)).about(id.as_str());
    if let Ok(request) = &mut request.request {
        let accepted = HeaderValue::from_static(EVENT_STREAM);
        request.headers_mut().insert(header::ACCEPT, accepted);
    }
    request
}

fn path(id: &PipelineId, rest: &str) -> Result<Uri, ClientErrorKind> {
    uri(|path| {
        path.write_str("/api/v1/pipelines/")?;
        write_segment(path, id.as_str())?;
        path.write_str(rest)
    })
}

fn uri(write: impl FnOnce(&mut PathBuffer) -> fmt::Result) -> Result<Uri, ClientErrorKind> {
    let mut path = PathBuffer::new();
    write(&mut path).map_err(unwritable)?;
    Uri::from_maybe_shared(path.into_bytes()).map_err(unwritable)
}

#[cfg(test)]
mod tests;

//! [`Client`]: typed calls over a transport.

mod list;
mod output;
mod paging;

use std::{num::NonZeroU32, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};
use serde::de::DeserializeOwned;
use stepwell_transport::{BodyLimit, SharedTransport, Timeout, Transport, TransportError};
use tracing::{Instrument, Span, field};

use crate::{
    Checkpoint, ClientError, CreatePipeline, Endpoint, Job, JobError, JobId, Made, Page,
    PatchPipeline, Pipeline, PipelineId, RestartPipeline, Udf, Validation,
    error::{Call, ClientErrorKind},
    request::{self, ApiRequest},
    response,
    secrets::{Secrets, Sent},
    wire::{All, NewestJob},
};

/// How large a reply may be that holds one thing.
const ONE: usize = 16 * 1024 * 1024;

pub use paging::Listed;

/// Typed calls of the Arroyo REST API v1.
///
/// It sends each request once: whether one may be sent again is for the caller to know, who alone knows what it means. Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::Method;
/// use stepwell_arroyo::Client;
/// use stepwell_transport::{FakeTransport, SharedTransport};
///
/// let fake = FakeTransport::new();
/// fake.expect(Method::GET, "/api/v1/ping").reply_json(200, &"Pong");
/// let client = Client::new(SharedTransport::new(fake));
/// client.ping().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    transport: SharedTransport,
    timeout: Duration,
}

impl Client {
    /// A client over `transport` whose requests may take 30 s each.
    pub fn new(transport: SharedTransport) -> Self {
        Self {
            transport,
            timeout: Duration::from_secs(30),
        }
    }

    /// A client whose requests may take `timeout` each.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self {
            transport: self.transport.clone(),
            timeout,
        }
    }

    /// What it sends over.
    pub fn transport(&self) -> &SharedTransport {
        &self.transport
    }

    /// Asks whether the API is there (`GET /api/v1/ping`).
    ///
    /// # Errors
    ///
    /// [`ClientErrorKind::NotArroyo`] when something else answers than the JSON string `"Pong"` (recording `001_ping`).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn ping(&self) -> Result<(), ClientError> {
        self.call(request::ping(), ONE, response::decode_ping).await
    }

    /// Has the server plan a query (`POST /api/v1/pipelines/validate_query`). Errors of the query are part of the answer
    /// (recordings `013_validate_syntax_error`–`042_validate_update_delete_stmt`).
    ///
    /// # Errors
    ///
    /// When there is no answer, or the server refuses a UDF (recording `046_validate_rust_udf_bad`).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn validate(&self, query: &str, udfs: &[Udf]) -> Result<Validation, ClientError> {
        let mut validation: Validation = self.get(request::validate(query, udfs), ONE).await?;
        if validation.errors.is_empty() {
            return Ok(validation);
        }
        // A parser quotes what it stumbled over.
        let secrets = Secrets::of_query(query);
        for error in &mut validation.errors {
            error.place_in(query);
            error.hide(|words| secrets.hide(words));
        }
        Ok(validation)
    }

    /// Reads one pipeline (`GET /api/v1/pipelines/{id}`).
    ///
    /// # Errors
    ///
    /// 404 for one that is not there (recording `106_get_pipeline_unknown`).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn pipeline(&self, id: &PipelineId) -> Result<Pipeline, ClientError> {
        self.get(request::get_pipeline(id), ONE).await
    }

    /// Creates a pipeline under an id that the server chooses (`POST /api/v1/pipelines`). Sent again, it makes a second one.
    ///
    /// # Errors
    ///
    /// 400 with the planner's words for a bad query (recording `120_create_invalid_sql`). See [`ClientError::phase`] for whether it may
    /// have been made all the same.
    ///
    /// # Cancel safety
    ///
    /// **Not safe**: a create that is cut may leave nothing, a whole pipeline, or half of one. Drive it to its end on a task of its own.
    pub async fn create(&self, pipeline: &CreatePipeline) -> Result<Pipeline, ClientError> {
        self.get(request::create(pipeline), ONE).await
    }

    /// Creates a pipeline under this id (`PUT /api/v1/pipelines/{id}`). Sent again, it is refused, with 400
    /// (recordings `431_put_pipeline_same_id`, `717_pg_put_again`); servers up to 0.15 answer 405.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    ///
    /// # Cancel safety
    ///
    /// **Not safe**, as [`create`](Self::create).
    pub async fn create_with_id(
        &self,
        id: &PipelineId,
        pipeline: &CreatePipeline,
    ) -> Result<Pipeline, ClientError> {
        self.get(request::create_with_id(id, pipeline), ONE).await
    }

    /// Creates a pipeline as [`create_with_id`](Self::create_with_id) does, or without an id as [`create`](Self::create), and of the reply
    /// keeps only what can be compared with what was sent.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    ///
    /// # Cancel safety
    ///
    /// **Not safe**, as [`create`](Self::create).
    pub async fn make(
        &self,
        id: Option<&PipelineId>,
        pipeline: &CreatePipeline,
    ) -> Result<Made, ClientError> {
        let request = match id {
            Some(id) => request::create_with_id(id, pipeline),
            None => request::create(pipeline),
        };
        self.call(request, ONE, response::decode_made).await
    }

    /// Changes a pipeline (`PATCH /api/v1/pipelines/{id}`); `None` when the reply is empty.
    ///
    /// # Errors
    ///
    /// 404 for one that has no job (recording `146_patch_unknown_id`).
    ///
    /// # Cancel safety
    ///
    /// **Not safe**: a change that is cut may or may not have been made.
    pub async fn patch(
        &self,
        id: &PipelineId,
        patch: &PatchPipeline,
    ) -> Result<Option<Pipeline>, ClientError> {
        let request = request::patch(id, patch);
        self.call(request, ONE, response::decode_or_empty).await
    }

    /// Restarts a pipeline (`POST /api/v1/pipelines/{id}/restart`); `None` when the reply is empty. Sent again, it restarts again.
    ///
    /// # Errors
    ///
    /// 400 for one that is not there (recording `257_restart_unknown`).
    ///
    /// # Cancel safety
    ///
    /// **Not safe**: a restart that is cut may or may not have been counted.
    pub async fn restart(
        &self,
        id: &PipelineId,
        restart: &RestartPipeline,
    ) -> Result<Option<Pipeline>, ClientError> {
        let request = request::restart(id, restart);
        self.call(request, ONE, response::decode_or_empty).await
    }

    /// Deletes a pipeline that has ended (`DELETE /api/v1/pipelines/{id}`). It also frees an id whose create broke off half way.
    ///
    /// # Errors
    ///
    /// 400 for one that runs (recording `151_delete_while_running`), 404 for one that is not there.
    ///
    /// # Cancel safety
    ///
    /// **Not safe**: a delete that is cut may or may not have been made.
    pub async fn delete(&self, id: &PipelineId) -> Result<(), ClientError> {
        self.call(request::delete(id), ONE, response::decode_done)
            .await
    }

    /// Reads the jobs of a pipeline, of which there is one (`GET /api/v1/pipelines/{id}/jobs`).
    ///
    /// # Errors
    ///
    /// 404 for a pipeline that is not there (recording `107_get_jobs_unknown_pipeline`).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn jobs(&self, id: &PipelineId) -> Result<Vec<Job>, ClientError> {
        Ok(self.get::<All<Job>>(request::jobs(id), ONE).await?.data)
    }

    /// Reads the job of a pipeline (`GET /api/v1/pipelines/{id}/jobs`): of several the newest; `None` when the server shows none.
    ///
    /// # Errors
    ///
    /// As [`jobs`](Self::jobs).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn job(&self, id: &PipelineId) -> Result<Option<Job>, ClientError> {
        Ok(self.get::<NewestJob>(request::jobs(id), ONE).await?.data)
    }

    /// Reads what a job has logged as errors, newest first, at most the last 1,000 entries (`GET …/jobs/{id}/errors`).
    ///
    /// # Errors
    ///
    /// 404 for a job that is not there (recording `109_job_errors_unknown_job`).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn job_errors(
        &self,
        id: &PipelineId,
        job: &JobId,
    ) -> Result<Vec<JobError>, ClientError> {
        let page: Page<JobError> = self.get(request::job_errors(id, job), ONE).await?;
        Ok(page.data)
    }

    /// As [`job_errors`](Self::job_errors), and only the newest `limit` entries.
    ///
    /// # Errors
    ///
    /// As [`job_errors`](Self::job_errors).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn newest_job_errors(
        &self,
        id: &PipelineId,
        job: &JobId,
        limit: NonZeroU32,
    ) -> Result<Vec<JobError>, ClientError> {
        let request = request::newest_job_errors(id, job, limit);
        Ok(self.get::<Page<JobError>>(request, ONE).await?.data)
    }

    /// Reads the checkpoints of a job (`GET …/jobs/{id}/checkpoints`).
    ///
    /// # Errors
    ///
    /// 404 for a job that is not there (recording `112_job_checkpoints_unknown_job`).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn checkpoints(
        &self,
        id: &PipelineId,
        job: &JobId,
    ) -> Result<Vec<Checkpoint>, ClientError> {
        Ok(self
            .get::<All<Checkpoint>>(request::checkpoints(id, job), ONE)
            .await?
            .data)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        request: ApiRequest<'_>,
        limit: usize,
    ) -> Result<T, ClientError> {
        self.call(request, limit, response::decode).await
    }

    async fn call<T>(
        &self,
        request: ApiRequest<'_>,
        limit: usize,
        decode: impl FnOnce(&Response<Bytes>) -> Result<T, ClientErrorKind> + Send,
    ) -> Result<T, ClientError> {
        let ApiRequest {
            operation,
            pipeline,
            request,
        } = request;
        let mut retry_after = None;
        let outcome = match request {
            Ok(request) => self.send(request, limit).await.and_then(|reply| {
                retry_after = response::retry_after(&reply);
                decode(&reply)
            }),
            Err(kind) => Err(kind),
        };
        outcome.map_err(|kind| {
            let call = Call {
                operation,
                pipeline: pipeline.map(str::to_owned),
                url: self.url(),
            };
            ClientError::new(call, kind).with_retry_after(retry_after)
        })
    }

    /// Sends a request once, under a span with the names that OpenTelemetry has for HTTP. Neither query nor body is recorded.
    async fn send(
        &self,
        request: Request<Bytes>,
        limit: usize,
    ) -> Result<Response<Bytes>, ClientErrorKind> {
        let sent = Sent(request.body().clone());
        let span = self.span(&request);
        let mut reply = self
            .transport
            .execute_within(request, Timeout(self.timeout), BodyLimit(limit))
            .instrument(span.clone())
            .await;
        record(&span, &reply);
        if let Ok(reply) = &mut reply
            && !response::is_as_always(reply)
        {
            reply.extensions_mut().insert(sent);
        }
        reply.map_err(|source| ClientErrorKind::Transport { source })
    }

    fn span(&self, request: &Request<Bytes>) -> Span {
        let base = self.transport.base_url();
        tracing::debug_span!(
            "request",
            http.request.method = %request.method(),
            url.path = request.uri().path(),
            server.address = base.as_ref().and_then(Uri::host),
            server.port = base.as_ref().and_then(Uri::port_u16),
            http.response.status_code = field::Empty,
            error.type = field::Empty,
        )
    }

    /// Where it sends to, for the text of an error.
    fn url(&self) -> Option<String> {
        let base = self.transport.base_url()?;
        Some(Endpoint::from_uri(&base).ok()?.to_string())
    }
}

/// Notes in the span of a request how it was answered.
fn record<B>(span: &Span, reply: &Result<Response<B>, TransportError>) {
    match reply {
        Ok(reply) => {
            let status = reply.status();
            span.record("http.response.status_code", status.as_u16());
            if status.is_client_error() || status.is_server_error() {
                span.record("error.type", status.as_str());
            }
        }
        Err(error) => {
            span.record("error.type", field::debug(error.kind()));
        }
    }
}

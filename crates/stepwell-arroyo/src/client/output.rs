//! Opening the output of a job.

use bytes::Bytes;
use http::{Request, Response};
use snafu::ResultExt;
use stepwell_transport::{BodyLimit, Timeout, Transport};
use tracing::Instrument;

use super::{Client, ONE, call::record};
use crate::{
    ClientError, JobId, JobOutput, PipelineId,
    error::{Call, ClientErrorKind, TransportSnafu},
    output::is_event_stream,
    request::{self, ApiRequest},
    response,
};

impl Client {
    /// Opens the stream of a job's rows (`GET …/jobs/{id}/output`), if its query ends in a bare `SELECT`. See [`JobOutput`].
    ///
    /// This client's timeout covers the head of the reply.
    ///
    /// # Errors
    ///
    /// 400 `Job does not have a preview sink` if the query has its own sink (recording `119_job_output_non_preview`); 400 `Job must be
    /// running to read output` if it is not running, and for a moment after it is first shown as Running; 404 if there is no such job.
    /// [`TransportErrorKind::Unsupported`](crate::TransportErrorKind::Unsupported) if the transport does not stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn output(&self, id: &PipelineId, job: &JobId) -> Result<JobOutput, ClientError> {
        let ApiRequest {
            operation,
            pipeline,
            request,
        } = request::output(id, job);
        let call = Call {
            operation,
            pipeline: pipeline.map(str::to_owned),
            url: self.url(),
        };
        let outcome = match request {
            Ok(request) => self.open(request, &call).await,
            Err(kind) => Err(kind),
        };
        outcome.map_err(|kind| ClientError::new(call, kind))
    }

    async fn open(
        &self,
        mut request: Request<Bytes>,
        call: &Call,
    ) -> Result<JobOutput, ClientErrorKind> {
        request.extensions_mut().insert(Timeout(self.timeout));
        request.extensions_mut().insert(BodyLimit(ONE));
        let span = self.span(&request);
        let reply = self
            .transport
            .execute_streamed(request)
            .instrument(span.clone())
            .await;
        record(&span, &reply);
        let (parts, mut body) = reply.context(TransportSnafu)?.into_parts();
        let is_success = parts.status.is_success();
        let mut head = Response::from_parts(parts, Bytes::new());
        if is_success && is_event_stream(head.headers()) {
            return Ok(JobOutput::new(
                call.clone(),
                response::content_type(&head),
                body,
            ));
        }
        if is_success {
            // The body is not read, because it may have no end.
            return Err(response::not_arroyo(&head));
        }
        // The transport has read the body of a refusal completely.
        let whole = body.next().await;
        let whole = whole.context(TransportSnafu)?;
        *head.body_mut() = whole.unwrap_or_default();
        Err(response::rejected(&head))
    }
}

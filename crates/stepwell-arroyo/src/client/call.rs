//! Sending a request, and decoding its reply.

use bytes::Bytes;
use http::{Request, Response, Uri};
use serde::de::DeserializeOwned;
use snafu::ResultExt;
use stepwell_transport::{
    BodyLimit, Phase, Timeout, Transport, TransportError, TransportErrorKind,
};
use tracing::{Instrument, Span, field};

use super::Client;
use crate::{
    ClientError, Endpoint, Operation,
    error::{Call, ClientErrorKind, TransportSnafu},
    request::ApiRequest,
    response,
    secrets::SentBody,
};

impl Client {
    /// Sends a request and decodes the JSON of its reply.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        request: ApiRequest<'_>,
        limit: usize,
    ) -> Result<T, ClientError> {
        self.call(request, limit, response::decode).await
    }

    /// Sends a request and decodes its reply.
    pub(super) async fn call<T>(
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

    /// Sends a request once, in a span with OpenTelemetry's names for HTTP. Neither the query nor the body is recorded.
    async fn send(
        &self,
        request: Request<Bytes>,
        limit: usize,
    ) -> Result<Response<Bytes>, ClientErrorKind> {
        let sent = SentBody(request.body().clone());
        let span = self.span(&request);
        let mut reply = self
            .transport
            .execute_within(request, Timeout(self.timeout), BodyLimit(limit))
            .instrument(span.clone())
            .await;
        record(&span, &reply);
        if let Ok(reply) = &mut reply
            && !response::shows_nothing(reply)
        {
            reply.extensions_mut().insert(sent);
        }
        reply.context(TransportSnafu)
    }

    /// The error of a call that was cut off by the end of its tokio runtime, for a caller that runs calls in tasks of their own. `pipeline`
    /// is the pipeline's id, or its name if it is being created. The call may have taken effect.
    pub fn cut_off(&self, operation: Operation, pipeline: &str) -> ClientError {
        let source = TransportError::new(
            TransportErrorKind::Canceled,
            Phase::MaybeSent,
            "its tokio runtime ended before the answer came",
        );
        let call = Call {
            operation,
            pipeline: Some(pipeline.to_owned()),
            url: self.url(),
        };
        ClientError::new(call, ClientErrorKind::Transport { source })
    }

    pub(super) fn span(&self, request: &Request<Bytes>) -> Span {
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

    /// The server's address, for error messages.
    pub(super) fn url(&self) -> Option<String> {
        let base = self.transport.base_url()?;
        Some(Endpoint::from_uri(&base).ok()?.to_string())
    }
}

/// Records the outcome of a request in its span.
pub(super) fn record<B>(span: &Span, reply: &Result<Response<B>, TransportError>) {
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

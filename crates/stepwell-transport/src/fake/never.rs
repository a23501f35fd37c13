use std::{future::pending, time::Duration};

use bytes::Bytes;
use http::{Request, Response};

use crate::{Phase, StreamedBody, Timeout, Transport, TransportError, TransportErrorKind};

/// A transport that never answers. A request fails when its [`Timeout`] expires, or hangs forever if it has none.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NeverTransport;

impl Transport for NeverTransport {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        hang(request.extensions().get().copied()).await
    }

    async fn execute_streamed(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<StreamedBody>, TransportError> {
        hang(request.extensions().get().copied()).await
    }
}

/// Waits for the timeout and fails; hangs forever without one.
pub(super) async fn hang<T>(timeout: Option<Timeout>) -> Result<T, TransportError> {
    match timeout {
        Some(Timeout(timeout)) => tokio::time::sleep(timeout).await,
        None => pending().await,
    }
    let timeout = timeout.map_or(Duration::ZERO, |Timeout(timeout)| timeout);
    let error = TransportError::new(TransportErrorKind::TimedOut, Phase::MaybeSent, "no reply");
    Err(error.took(timeout))
}

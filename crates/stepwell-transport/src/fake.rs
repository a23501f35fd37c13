//! Transports for tests.

use std::future::pending;

use bytes::Bytes;
use http::{Request, Response};

use crate::{Transport, TransportError};

/// A transport that never answers.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NeverTransport;

impl Transport for NeverTransport {
    async fn execute(&self, _request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        pending().await
    }
}

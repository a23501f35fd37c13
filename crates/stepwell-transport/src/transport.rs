//! The contract: what a transport does with one request.

use std::{fmt, future::Future, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};

use crate::{Phase, SharedTransport, StreamedBody, TransportError, TransportErrorKind};

/// Sends one HTTP request and returns the reply, either whole or as a head with a streamed body.
///
/// The contract:
///
/// - The request's URI is in origin form (`/api/v1/ping`). The transport joins it to its base URL and sets `Host`.
/// - Every status is a reply, not an error.
/// - A request is sent at most once, with two exceptions: nothing of it was written, or its method is safe (`GET`, `HEAD`) and the
///   connection was closed without an answer, as happens when the server has just closed a kept-alive connection. It is then sent a second
///   time.
/// - Redirects are not followed.
/// - The request extensions [`Timeout`] and [`BodyLimit`] are honoured.
/// - An error says whether the request may have reached the server ([`Phase`]).
/// - A transport that sends a [`Token`](crate::Token) adds it to the extensions of the reply. If the server echoes the token, it can then be
///   masked in error messages.
/// - Dropping the future may cancel the request.
///
/// An implementation is a plain `async fn`:
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use stepwell_transport::{Transport, TransportError};
///
/// #[derive(Debug)]
/// struct Teapot;
///
/// impl Transport for Teapot {
///     async fn execute(&self, _request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
///         let mut reply = Response::new(Bytes::from_static(b"short and stout"));
///         *reply.status_mut() = http::StatusCode::IM_A_TEAPOT;
///         Ok(reply)
///     }
/// }
/// ```
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends the request and reads the whole reply.
    ///
    /// # Errors
    ///
    /// Returns a [`TransportError`] if no complete reply was read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may cancel the request. The server may still act on it.
    fn execute(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send;

    /// As [`execute`](Self::execute), but takes the timeout and the body limit as arguments instead of extensions, which saves four
    /// allocations.
    ///
    /// The default implementation inserts both into the extensions.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Self::execute).
    fn execute_within(
        &self,
        mut request: Request<Bytes>,
        timeout: Timeout,
        body_limit: BodyLimit,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send {
        request.extensions_mut().insert(timeout);
        request.extensions_mut().insert(body_limit);
        self.execute(request)
    }

    /// Sends the request and returns the reply as soon as its head has arrived. The body is read piece by piece.
    ///
    /// Differences from [`execute`](Self::execute):
    ///
    /// - The [`Timeout`] covers connecting and the head of the reply. The body has no timeout; see [`Pieces`](crate::Pieces).
    /// - The body of a 2xx reply has no [`BodyLimit`], since it is never held in memory as a whole. The body of any other reply explains the
    ///   failure: it is read to its end, within the timeout and the limit, before the reply is returned.
    ///
    /// The default implementation fails with [`TransportErrorKind::Unsupported`] and sends nothing, because a stream without an end cannot
    /// be built from whole replies.
    ///
    /// # Errors
    ///
    /// Returns a [`TransportError`] if no head was read. Failures of the body are returned by [`StreamedBody::next`].
    ///
    /// # Cancel safety
    ///
    /// As [`execute`](Self::execute).
    fn execute_streamed(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<StreamedBody>, TransportError>> + Send {
        drop(request);
        std::future::ready(Err(TransportError::new(
            TransportErrorKind::Unsupported,
            Phase::NotSent,
            "this transport only returns whole replies, and the reply has no end; use a transport that streams",
        )))
    }

    /// The base URL, without credentials, for error messages and links to the dashboard. `None` if the transport has none.
    ///
    /// A transport always returns the same value.
    fn base_url(&self) -> Option<Uri> {
        None
    }

    /// Converts the transport into a handle that can be cloned. A [`SharedTransport`] returns itself and keeps its
    /// [memory](SharedTransport::memory).
    fn into_shared(self) -> SharedTransport
    where
        Self: Sized,
    {
        SharedTransport::new(self)
    }
}

/// A request extension: how long the request may take, from the call of [`Transport::execute`] to the end of the body. For
/// [`Transport::execute_streamed`] the time ends with the head.
///
/// A timeout around the call would lose the [`Phase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "it is a duration with a name")]
pub struct Timeout(pub Duration);

/// A request extension: the maximum size of the reply's body, in bytes.
///
/// It is set per request, because no single limit fits both a ping and a list of 40 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is a number of bytes with a name"
)]
pub struct BodyLimit(pub usize);

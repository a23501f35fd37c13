use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri};

use crate::{Phase, StreamedBody, TransportError, TransportErrorKind};

/// Sends one HTTP request and gives back the reply: whole, or its head at once and its body piece by piece.
///
/// The contract:
///
/// - The request's URI is in origin form (`/api/v1/ping`); the transport joins it to the address that it sends to, and sets `Host`.
/// - Any status is a reply, not an error.
/// - A request is sent at most once, unless the transport knows that nothing of it was written, or its method asks for nothing to be
///   done and the connection was closed without an answer, as a kept-alive one is that the server had closed. Then it is sent twice.
/// - Redirects are not followed.
/// - The request extensions [`Timeout`] and [`BodyLimit`] are honoured.
/// - An error says whether the request may have reached the server ([`Phase`]).
/// - A transport that sends a [`Token`](crate::Token) puts it among the extensions of the reply, so that an error can be shown without it
///   although the server repeats it.
/// - Dropping the future may cut the request.
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
    /// When no whole reply was read: [`TransportError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may cut the request; whether the server acts on it then is not known.
    fn execute(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send;

    /// As [`execute`](Self::execute), with what holds for the request beside it and not among its extensions, which are four allocations.
    ///
    /// An implementation need not have it: without one of its own the two are put among the extensions.
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

    /// Sends the request and gives the reply as soon as its head is there; its body is read piece by piece.
    ///
    /// As [`execute`](Self::execute), with these differences:
    ///
    /// - The [`Timeout`] is for the head: connecting, and the headers of the reply. The body has none; see [`Pieces`](crate::Pieces).
    /// - The body of a reply with 2xx has no [`BodyLimit`]: it is held by nobody. That of any other status, which says what is wrong, is
    ///   read whole, within timeout and limit, before the reply is given.
    ///
    /// A transport that has not been taught to stream says so, with [`TransportErrorKind::Unsupported`], and sends nothing: what has no
    /// end cannot be made of whole replies.
    ///
    /// # Errors
    ///
    /// When there is no head: [`TransportError`]. What breaks off later is told by [`StreamedBody::next`].
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
            "this transport gives whole replies alone, and what was asked for has no end; use one that streams",
        )))
    }

    /// Where it sends to, without credentials, for messages and for the address of the dashboard; `None` when there is no such place. Always
    /// the same.
    fn base_url(&self) -> Option<Uri> {
        None
    }

    /// A handle that can be cloned. A [`SharedTransport`] gives itself, so that what was learned of the server stays with it.
    fn into_shared(self) -> SharedTransport
    where
        Self: Sized,
    {
        SharedTransport::new(self)
    }
}

/// How long a request may take: connecting, headers and body, counted from the call of [`Transport::execute`]; without the body for
/// [`Transport::execute_streamed`].
///
/// A request extension. A timeout from outside would lose how far the request had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "it is a duration with a name")]
pub struct Timeout(pub Duration);

/// How many bytes the body of the reply may have.
///
/// A request extension: one limit cannot fit a ping and a list of 40 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is a number of bytes with a name"
)]
pub struct BodyLimit(pub usize);

/// A handle to any [`Transport`], cheap to clone, and itself one.
#[derive(Clone)]
pub struct SharedTransport {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Box<dyn DynTransport>,
    memory: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// The object-safe twin of [`Transport`]: the future is boxed here, once, and no type parameter spreads.
trait DynTransport: fmt::Debug + Send + Sync {
    fn execute_boxed(&self, request: Request<Bytes>) -> BoxedReply<'_, Bytes>;
    fn execute_within_boxed(
        &self,
        request: Request<Bytes>,
        timeout: Timeout,
        body_limit: BodyLimit,
    ) -> BoxedReply<'_, Bytes>;
    fn execute_streamed_boxed(&self, request: Request<Bytes>) -> BoxedReply<'_, StreamedBody>;
    fn base_url(&self) -> Option<Uri>;
}

type BoxedReply<'a, B> =
    Pin<Box<dyn Future<Output = Result<Response<B>, TransportError>> + Send + 'a>>;

impl<T: Transport> DynTransport for T {
    fn execute_boxed(&self, request: Request<Bytes>) -> BoxedReply<'_, Bytes> {
        Box::pin(self.execute(request))
    }

    fn execute_within_boxed(
        &self,
        request: Request<Bytes>,
        timeout: Timeout,
        body_limit: BodyLimit,
    ) -> BoxedReply<'_, Bytes> {
        Box::pin(self.execute_within(request, timeout, body_limit))
    }

    fn execute_streamed_boxed(&self, request: Request<Bytes>) -> BoxedReply<'_, StreamedBody> {
        Box::pin(self.execute_streamed(request))
    }

    fn base_url(&self) -> Option<Uri> {
        Transport::base_url(self)
    }
}

impl SharedTransport {
    /// A handle to `transport`.
    pub fn new(transport: impl Transport) -> Self {
        Self {
            inner: Arc::new(Inner {
                transport: Box::new(transport),
                memory: Mutex::default(),
            }),
        }
    }

    /// What was learned of the server behind this transport: one value a type, shared by all clones of the handle.
    ///
    /// ```
    /// # #[cfg(feature = "fake")] {
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use stepwell_transport::{NeverTransport, SharedTransport};
    ///
    /// let one = SharedTransport::new(NeverTransport::default());
    /// let other = one.clone();
    /// one.memory::<AtomicU32>().store(7, Ordering::Relaxed);
    /// assert_eq!(other.memory::<AtomicU32>().load(Ordering::Relaxed), 7);
    /// # }
    /// ```
    pub fn memory<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut memory = self
            .inner
            .memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let value = memory
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(T::default()));
        // It was stored under its own type, so the second half never happens.
        Arc::clone(value).downcast().unwrap_or_default()
    }
}

impl Transport for SharedTransport {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.inner.transport.execute_boxed(request).await
    }

    async fn execute_within(
        &self,
        request: Request<Bytes>,
        timeout: Timeout,
        body_limit: BodyLimit,
    ) -> Result<Response<Bytes>, TransportError> {
        let transport = &self.inner.transport;
        transport
            .execute_within_boxed(request, timeout, body_limit)
            .await
    }

    async fn execute_streamed(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<StreamedBody>, TransportError> {
        self.inner.transport.execute_streamed_boxed(request).await
    }

    fn base_url(&self) -> Option<Uri> {
        self.inner.transport.base_url()
    }

    fn into_shared(self) -> SharedTransport {
        self
    }
}

impl fmt::Debug for SharedTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("SharedTransport")
            .field(&self.inner.transport)
            .finish()
    }
}

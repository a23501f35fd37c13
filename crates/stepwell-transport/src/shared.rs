//! The handle to any transport.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response, Uri};

use crate::{BodyLimit, StreamedBody, Timeout, Transport, TransportError};

/// A handle to any [`Transport`]. It is cheap to clone and implements [`Transport`] itself.
#[derive(Clone)]
pub struct SharedTransport {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Box<dyn DynTransport>,
    memory: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// The object-safe twin of [`Transport`]. It boxes the future, so that no type parameter spreads through the public API.
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
    /// Creates a handle to `transport`.
    pub fn new(transport: impl Transport) -> Self {
        Self {
            inner: Arc::new(Inner {
                transport: Box::new(transport),
                memory: Mutex::default(),
            }),
        }
    }

    /// State about the server behind this transport: one value per type, shared by all clones of the handle and created on first use.
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
        // The downcast cannot fail: the value was stored under its own type.
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

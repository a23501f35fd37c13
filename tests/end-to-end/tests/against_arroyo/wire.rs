//! Transports that wrap the real one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, Request, Response, Uri};
use stepwell::{
    SharedTransport, Transport,
    transport::{TransportError, bytes::Bytes},
};
use tokio::sync::Notify;

/// The limit with which the library requests the first page of pipelines.
const FIRST_PAGE: &str = "limit=10000";

/// Requests small pages where the library requests its usual one, and counts them. A still larger page is left unchanged.
#[derive(Clone, Debug)]
pub(crate) struct SmallPages {
    inner: SharedTransport,
    limit: u32,
    small: Arc<AtomicUsize>,
    read: Arc<AtomicUsize>,
}

impl SmallPages {
    pub(crate) fn new(inner: SharedTransport, limit: u32) -> Self {
        Self {
            inner,
            limit,
            small: Arc::default(),
            read: Arc::default(),
        }
    }

    /// How many pages were read.
    pub(crate) fn read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }

    /// How many of them were small.
    pub(crate) fn small(&self) -> usize {
        self.small.load(Ordering::Relaxed)
    }
}

impl Transport for SmallPages {
    async fn execute(
        &self,
        mut request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let target = request.uri();
        let parts: Vec<_> = target.query().unwrap_or_default().split('&').collect();
        if target.path().ends_with("/pipelines") && request.method() == Method::GET {
            self.read.fetch_add(1, Ordering::Relaxed);
        }
        if parts.contains(&FIRST_PAGE) {
            let limit = format!("limit={}", self.limit);
            let query = parts.join("&").replace(FIRST_PAGE, &limit);
            if let Ok(small) = format!("{}?{query}", target.path()).parse() {
                *request.uri_mut() = small;
                self.small.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.inner.execute(request).await
    }

    fn base_url(&self) -> Option<Uri> {
        self.inner.base_url()
    }
}

/// How long a create is held back.
const HELD: Duration = Duration::from_millis(200);

/// Signals when a create leaves, and lets it arrive later.
#[derive(Clone, Debug)]
pub(crate) struct Creates {
    inner: SharedTransport,
    leaves: Arc<Notify>,
}

impl Creates {
    pub(crate) fn new(inner: SharedTransport) -> Self {
        Self {
            inner,
            leaves: Arc::default(),
        }
    }

    /// Waits until a create leaves, or has left since the last call.
    pub(crate) async fn leaves(&self) {
        self.leaves.notified().await;
    }
}

impl Transport for Creates {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path();
        let create = match *request.method() {
            Method::PUT => true,
            Method::POST => path.ends_with("/pipelines"),
            _ => false,
        };
        if create {
            self.leaves.notify_one();
            tokio::time::sleep(HELD).await;
        }
        self.inner.execute(request).await
    }

    fn base_url(&self) -> Option<Uri> {
        self.inner.base_url()
    }
}

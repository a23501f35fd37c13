//! What is remembered of a server.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use stepwell_arroyo::Endpoint;
use stepwell_transport::{SharedTransport, Transport as _};

/// Where a transport sends to.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) endpoint: Option<Endpoint>,
    /// The server as the registry tells servers apart.
    pub(super) server: Arc<str>,
}

/// What was learned of the server behind a transport; shared by all submissions over it.
#[derive(Debug, Default)]
pub(crate) struct ServerMemory {
    without_put: AtomicBool,
    with_put: AtomicBool,
    address: OnceLock<Arc<Address>>,
}

impl ServerMemory {
    /// Not known to be without.
    pub(crate) fn has_put(&self) -> bool {
        !self.without_put.load(Ordering::Relaxed)
    }

    /// Known to have it, on all its nodes as far as they were met.
    pub(crate) fn surely_has_put(&self) -> bool {
        self.has_put() && self.with_put.load(Ordering::Relaxed)
    }

    pub(crate) fn put_was_seen(&self) {
        self.with_put.store(true, Ordering::Relaxed);
    }

    pub(crate) fn put_is_missing(&self) {
        self.without_put.store(true, Ordering::Relaxed);
    }

    pub(super) fn address(&self, transport: &SharedTransport) -> Arc<Address> {
        let address = self.address.get_or_init(|| {
            let base = transport.base_url();
            let endpoint = base.and_then(|uri| Endpoint::from_uri(&uri).ok());
            Arc::new(Address {
                server: endpoint.as_ref().map_or("", Endpoint::as_str).into(),
                endpoint,
            })
        });
        Arc::clone(address)
    }
}

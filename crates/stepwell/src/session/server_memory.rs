//! What has been learned of a server.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use stepwell_arroyo::Endpoint;
use stepwell_transport::{SharedTransport, Transport as _};

/// The address that a transport sends to.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) endpoint: Option<Endpoint>,
    /// The key of the server in the registry.
    pub(super) server: Arc<str>,
}

/// What has been learned of the server behind a transport; shared by all submissions over it.
#[derive(Debug, Default)]
pub(crate) struct ServerMemory {
    without_put: AtomicBool,
    with_put: AtomicBool,
    address: OnceLock<Arc<Address>>,
}

impl ServerMemory {
    /// Whether `PUT` may be supported: it is not known to be missing.
    pub(crate) fn has_put(&self) -> bool {
        !self.without_put.load(Ordering::Relaxed)
    }

    /// Whether `PUT` is known to be supported, by all nodes that have answered.
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

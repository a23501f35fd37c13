//! What has been learned of a server.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use stepwell_arroyo::Endpoint;
use stepwell_transport::{SharedTransport, Transport as _};
use tokio::time::Instant;

use super::job_list::JobList;

/// How long a 405 to a `PUT` is remembered: it may come from one old node among several, or from a proxy that is being configured.
const WITHOUT_PUT: Duration = Duration::from_secs(5 * 60);

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
    /// When a `PUT` was last answered with 405.
    without_put: Mutex<Option<Instant>>,
    with_put: AtomicBool,
    address: OnceLock<Arc<Address>>,
    /// The list of all jobs, if several waits read it.
    pub(crate) jobs: Arc<JobList>,
}

impl ServerMemory {
    /// Whether `PUT` may be supported: it is not known to be missing.
    pub(crate) fn has_put(&self) -> bool {
        let missed = *self
            .without_put
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        missed.is_none_or(|missed| missed.elapsed() >= WITHOUT_PUT)
    }

    /// Whether `PUT` is known to be supported, by all nodes that have answered.
    pub(crate) fn surely_has_put(&self) -> bool {
        self.has_put() && self.with_put.load(Ordering::Relaxed)
    }

    /// Records that the server has accepted a `PUT`, now or earlier.
    pub(crate) fn put_was_seen(&self) {
        self.with_put.store(true, Ordering::Relaxed);
    }

    /// Records that the server has just processed a `PUT`.
    pub(crate) fn put_works(&self) {
        self.put_was_seen();
        self.note(None);
    }

    /// Records that the server has just answered a `PUT` with 405.
    pub(crate) fn put_is_missing(&self) {
        self.note(Some(Instant::now()));
    }

    fn note(&self, missed: Option<Instant>) {
        *self
            .without_put
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = missed;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_405_is_forgotten_after_minutes_and_with_the_first_put_that_works() {
        let memory = ServerMemory::default();
        memory.put_was_seen();
        memory.put_is_missing();
        assert!(!memory.has_put() && !memory.surely_has_put());
        // An id that only a client can have chosen proves nothing about the node that answers now.
        memory.put_was_seen();
        assert!(!memory.has_put());
        memory.put_works();
        assert!(memory.surely_has_put());

        memory.put_is_missing();
        tokio::time::sleep(WITHOUT_PUT.saturating_sub(Duration::from_secs(1))).await;
        assert!(!memory.has_put());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(memory.surely_has_put());
    }
}

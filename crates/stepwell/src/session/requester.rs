//! Sending requests to one server: see [`Requester`].

use std::{sync::Arc, time::Duration};

use stepwell_arroyo::{Client, Endpoint};
use stepwell_transport::SharedTransport;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Deadline, Jitter, ServerMemory, retry::Backoff, server_memory::Address};
use crate::{
    job::sight::Sight,
    observe::{Event, Observation, Subject},
    options::Options,
};

/// One request may be under way.
#[must_use]
#[derive(Debug)]
pub(crate) struct Permit(
    #[allow(dead_code, reason = "held, not read")] Option<OwnedSemaphorePermit>,
);

/// Sends requests to one server, and reports their progress.
#[derive(Clone, Debug)]
pub(crate) struct Requester {
    pub(crate) client: Client,
    observation: Observation,
    /// What has been seen of the pipeline, so that events can say whose they are.
    sight: Arc<Sight>,
    pub(crate) jitter: Jitter,
    /// The timeout of one request.
    pub(crate) request_timeout: Duration,
    /// Limits how many requests of a shutdown are under way at the same time.
    permits: Option<Arc<Semaphore>>,
    /// The longest pause between two polls.
    pub(crate) poll_ceiling: Duration,
    address: Arc<Address>,
}

impl Requester {
    pub(crate) fn new(transport: SharedTransport, options: &Options, sight: &Arc<Sight>) -> Self {
        let address = transport.memory::<ServerMemory>().address(&transport);
        Self {
            client: Client::new(transport),
            observation: options.observation.clone(),
            sight: Arc::clone(sight),
            jitter: Jitter::new(options.jitter_seed),
            request_timeout: options.request_timeout,
            permits: None,
            poll_ceiling: options.poll_ceiling,
            address,
        }
    }

    /// The same with other timings, for a shutdown that stops the pipelines of many submissions: at most so many requests as there are
    /// permits are under way at the same time.
    pub(crate) fn with(
        &self,
        request_timeout: Duration,
        poll_ceiling: Duration,
        permits: &Arc<Semaphore>,
    ) -> Self {
        Self {
            request_timeout,
            poll_ceiling,
            permits: Some(Arc::clone(permits)),
            ..self.clone()
        }
    }

    /// Waits until a request may be sent, for as long as it holds the permit; `None` if the deadline passes first.
    pub(crate) async fn permit(&self, deadline: &Deadline) -> Option<Permit> {
        let Some(permits) = &self.permits else {
            return Some(Permit(None));
        };
        let acquired = Arc::clone(permits).acquire_owned();
        match tokio::time::timeout(deadline.remaining(), acquired).await {
            // The semaphore is never closed.
            Ok(permit) => Some(Permit(permit.ok())),
            Err(_elapsed) => None,
        }
    }

    /// The server's address, if the transport reports it.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.address.endpoint.as_ref()
    }

    /// The key of the server in the registry.
    pub(crate) fn server(&self) -> &Arc<str> {
        &self.address.server
    }

    /// The server's address as errors show it.
    pub(crate) fn url(&self) -> Option<String> {
        self.endpoint().map(ToString::to_string)
    }

    /// What has been learned of the server.
    pub(crate) fn memory(&self) -> Arc<ServerMemory> {
        self.client.transport().memory()
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.observation.tell(event);
    }

    /// Tells an event that says which pipeline it is about.
    pub(crate) fn tell_of(&self, event: impl FnOnce(Subject) -> Event) {
        if self.observation.is_on() {
            self.observation.tell(&event(self.sight.subject()));
        }
    }

    /// A client whose next request times out at the deadline.
    pub(crate) fn client_within(&self, deadline: &Deadline) -> Client {
        let left = deadline.for_a_request();
        self.client.within(self.request_timeout.min(left))
    }

    /// A client for a request that changes something. It gets its full timeout, even past the deadline, because the server aborts a request
    /// midway when its connection closes.
    pub(crate) fn client_for_a_write(&self) -> Client {
        self.client.within(self.request_timeout)
    }

    /// The pauses between polls of a job that has to stay in its state: what a server shows for one tick of its controller (0.5 s) is seen,
    /// even if each reply takes as long as the pause.
    pub(crate) fn poll_pace_within_a_tick(&self) -> Backoff {
        let ceiling = self.poll_ceiling.min(Duration::from_millis(240));
        Backoff::new(Duration::from_millis(20), ceiling)
    }

    /// The pauses between polls.
    pub(crate) fn poll_pace(&self) -> Backoff {
        Backoff::new(Duration::from_millis(20), self.poll_ceiling)
    }
}

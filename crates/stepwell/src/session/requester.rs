//! Sending requests to one server: see [`Requester`].

use std::{sync::Arc, time::Duration};

use stepwell_arroyo::{Client, Endpoint};
use stepwell_transport::SharedTransport;

use super::{Deadline, Jitter, ServerMemory, retry::Backoff, server_memory::Address};
use crate::{
    observe::{Event, Observation},
    options::Options,
};

/// What it takes to send requests to one server, and to say what becomes of them.
#[derive(Clone, Debug)]
pub(crate) struct Requester {
    pub(crate) client: Client,
    pub(crate) observation: Observation,
    pub(crate) jitter: Jitter,
    /// How long one request may take.
    pub(crate) request_timeout: Duration,
    /// The longest pause between two looks at what goes its way.
    pub(crate) poll_ceiling: Duration,
    address: Arc<Address>,
}

impl Requester {
    pub(crate) fn new(transport: SharedTransport, options: &Options) -> Self {
        let address = transport.memory::<ServerMemory>().address(&transport);
        Self {
            client: Client::new(transport),
            observation: options.observation.clone(),
            jitter: Jitter::new(options.jitter_seed),
            request_timeout: options.request_timeout,
            poll_ceiling: options.poll_ceiling,
            address,
        }
    }

    /// With other habits, for a shutdown that stops what many submissions have made.
    pub(crate) fn with(&self, request_timeout: Duration, poll_ceiling: Duration) -> Self {
        Self {
            request_timeout,
            poll_ceiling,
            ..self.clone()
        }
    }

    /// The server's address, where the transport tells it.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.address.endpoint.as_ref()
    }

    /// The server as the registry tells servers apart.
    pub(crate) fn server(&self) -> &Arc<str> {
        &self.address.server
    }

    /// Where requests go to, as an error names it.
    pub(crate) fn url(&self) -> Option<String> {
        self.endpoint().map(ToString::to_string)
    }

    /// What is remembered of the server.
    pub(crate) fn memory(&self) -> Arc<ServerMemory> {
        self.client.transport().memory()
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.observation.tell(event);
    }

    /// A client whose next request ends with the deadline.
    pub(crate) fn client_within(&self, deadline: &Deadline) -> Client {
        let left = deadline.for_a_request();
        self.client.within(self.request_timeout.min(left))
    }

    /// A client for a request that changes something: it has its whole time, even past the deadline, for one that is cut is aborted
    /// midway by the server.
    pub(crate) fn client_for_a_write(&self) -> Client {
        self.client.within(self.request_timeout)
    }

    /// The pauses between looks at what goes its way.
    pub(crate) fn poll_pace(&self) -> Backoff {
        Backoff::new(Duration::from_millis(20), self.poll_ceiling)
    }
}

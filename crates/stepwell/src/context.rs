//! What all states of one submission share.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, SystemTime},
};

use stepwell_arroyo::{Client, ClientError, Endpoint, PipelineId};
use stepwell_transport::{SharedTransport, Transport};

use crate::{
    error::Error,
    observer::{Event, Step},
    options::Options,
    poll::may_be_repeated,
    shutdown::registry::{Intended, Known, Ticket, WriteGuard},
    time_limit::{Pace, TimeLimit},
};

#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) options: Options,
    pub(crate) ticket: Ticket,
    place: Arc<Place>,
}

/// Where a transport sends to.
#[derive(Debug)]
struct Place {
    endpoint: Option<Endpoint>,
    /// The server as the registry tells servers apart.
    server: Arc<str>,
}

/// What was learned of the server behind a transport; shared by all submissions over it.
#[derive(Debug, Default)]
pub(crate) struct ServerMemory {
    without_put: AtomicBool,
    place: OnceLock<Arc<Place>>,
}

impl ServerMemory {
    pub(crate) fn has_put(&self) -> bool {
        !self.without_put.load(Ordering::Relaxed)
    }

    pub(crate) fn put_is_missing(&self) {
        self.without_put.store(true, Ordering::Relaxed);
    }

    fn place(&self, transport: &SharedTransport) -> Arc<Place> {
        let place = self.place.get_or_init(|| {
            let base = transport.base_url();
            let endpoint = base.and_then(|uri| Endpoint::from_uri(&uri).ok());
            Arc::new(Place {
                server: endpoint.as_ref().map_or("", Endpoint::as_str).into(),
                endpoint,
            })
        });
        Arc::clone(place)
    }
}

impl Context {
    pub(crate) fn new(transport: SharedTransport, options: Options) -> Self {
        let place = transport.memory::<ServerMemory>().place(&transport);
        Self {
            client: Client::new(transport),
            ticket: Ticket::new(&options.shutdown().registry),
            options,
            place,
        }
    }

    /// The server's address, where the transport tells it.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.place.endpoint.as_ref()
    }

    /// The server as the registry tells servers apart.
    pub(crate) fn server(&self) -> &Arc<str> {
        &self.place.server
    }

    /// Where requests go to, as an error names it.
    pub(crate) fn url(&self) -> Option<String> {
        self.endpoint().map(ToString::to_string)
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.options.observation.tell(event);
    }

    /// A client whose next request ends with the limit.
    pub(crate) fn client_within(&self, limit: &TimeLimit) -> Client {
        let left = limit.for_a_request();
        self.client.within(self.options.request_timeout.min(left))
    }

    /// A client for a request that changes something: it has its whole time, even past the deadline, for one that is cut is aborted
    /// midway by the server.
    pub(crate) fn client_for_a_write(&self) -> Client {
        self.client.within(self.options.request_timeout)
    }

    pub(crate) fn poll_pace(&self) -> Pace {
        Pace::new(Duration::from_millis(20), self.options.poll_ceiling)
    }

    /// Reads, and reads again while the failure may pass and time is left.
    pub(crate) async fn read<T, F>(
        &self,
        step: Step,
        limit: &TimeLimit,
        mut call: impl FnMut(Client) -> F + Send,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
        T: Send,
    {
        let mut pace = Pace::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut attempt = 0;
        loop {
            match call(self.client_within(limit)).await {
                Err(error) if may_be_repeated(&error) && !limit.is_over() => {
                    attempt += 1;
                    self.retrying(step, &error, attempt);
                    limit.sleep(pace.pause()).await;
                    // At the deadline the last failure says more than one request cut short would.
                    if limit.is_over() {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }

    pub(crate) fn retrying(&self, step: Step, error: &ClientError, attempt: u32) {
        // Not the error itself: it has the server's words, and these may repeat what was sent.
        tracing::warn!(
            %step, attempt, operation = %error.operation(),
            http.response.status_code = error.status().map(|status| status.as_u16()),
            error.type = error.transport_error_kind().map(tracing::field::debug),
            "trying again"
        );
        self.tell(&Event::Retrying {
            step,
            reason: chain(error),
            attempt,
        });
    }

    /// Drives a step, unless the shutdown begins first.
    pub(crate) async fn unless_begun<T>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let mut begun = pin!(self.options.shutdown().begun());
        let mut work = pin!(work);
        poll_fn(|context| {
            // The shutdown goes first: nothing is begun after it.
            if begun.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(Error::ShutdownBegun));
            }
            work.as_mut().poll(context)
        })
        .await
    }

    /// Notes with the shutdown what is about to be made or started; the guard lives as long as the request.
    pub(crate) fn intend(
        &self,
        name: Arc<str>,
        known: Known,
        started_here: bool,
    ) -> Result<WriteGuard, Error> {
        self.ticket
            .intend(Intended {
                name,
                server: Arc::clone(self.server()),
                client: self.client.clone(),
                observation: self.options.observation.clone(),
                on_shutdown: self.options.on_shutdown,
                since: SystemTime::now(),
                known,
                started_here,
            })
            .map_err(|_begun| Error::ShutdownBegun)
    }

    pub(crate) fn found(&self, id: &PipelineId, started_here: bool) {
        self.ticket.found(self.server(), id, started_here);
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

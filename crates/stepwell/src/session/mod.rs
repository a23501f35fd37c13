//! What the states of one submission share.

mod backoff;
mod deadline;
mod failure_streak;
mod jitter;
pub(crate) mod retryable;
mod server_memory;
mod to_completion;

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, SystemTime},
};

use stepwell_arroyo::{Client, ClientError, Endpoint, PipelineId};
use stepwell_transport::SharedTransport;

pub(crate) use self::{
    backoff::Backoff, deadline::Deadline, failure_streak::FailureStreak, jitter::Jitter,
    server_memory::ServerMemory, to_completion::to_completion,
};
use self::{
    retryable::{is_cut_short, may_be_repeated},
    server_memory::Address,
};
use crate::{
    error::Error,
    job::trouble::{Expected, Record, TroubleWatch},
    observe::{Event, Step},
    options::Options,
    shutdown::Shutdown,
    shutdown::registry::{Intended, Target, Ticket, WriteGuard},
};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) options: Options,
    pub(crate) shutdown: Shutdown,
    pub(crate) ticket: Ticket,
    address: Arc<Address>,
    pub(crate) jitter: Jitter,
    /// What was seen of the job, over all waits.
    pub(crate) trouble: Mutex<Record>,
    /// Whether `stop` of this submission is telling the pipeline to stop, or has.
    pub(crate) stops: AtomicBool,
}

impl Session {
    pub(crate) fn new(transport: SharedTransport, options: Options, shutdown: Shutdown) -> Self {
        let address = transport.memory::<ServerMemory>().address(&transport);
        Self {
            client: Client::new(transport),
            ticket: Ticket::new(&shutdown.registry),
            jitter: Jitter::new(options.jitter_seed),
            trouble: Mutex::default(),
            stops: AtomicBool::new(false),
            options,
            shutdown,
            address,
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

    /// For one wait for the job of this pipeline.
    pub(crate) fn trouble_of<'a>(
        &'a self,
        id: &'a PipelineId,
        expected: Expected,
    ) -> TroubleWatch<'a> {
        TroubleWatch::new(
            &self.trouble,
            &self.client,
            self.options.request_timeout,
            &self.options.observation,
            id,
            expected,
        )
    }

    /// Whether the pipeline is being stopped by us: by this submission, or by its shutdown.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stops.load(Ordering::Relaxed) || self.shutdown.is_begun() && self.ticket.is_to_stop()
    }

    /// When a step that begins now has to be over.
    pub(crate) fn deadline(&self, step: Step) -> Deadline {
        let options = &self.options;
        Deadline::new(match step {
            Step::Connect => options.connect_timeout,
            Step::Validate => options.validate_timeout,
            Step::Resolve => options.resolve_timeout,
            Step::Wait => options
                .running_timeout
                .saturating_add(options.stable_for.unwrap_or_default()),
            Step::Stop => options.stop_timeout,
        })
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.options.observation.tell(event);
    }

    /// A client whose next request ends with the limit.
    pub(crate) fn client_within(&self, deadline: &Deadline) -> Client {
        let left = deadline.for_a_request();
        self.client.within(self.options.request_timeout.min(left))
    }

    /// A client for a request that changes something: it has its whole time, even past the deadline, for one that is cut is aborted
    /// midway by the server.
    pub(crate) fn client_for_a_write(&self) -> Client {
        self.client.within(self.options.request_timeout)
    }

    pub(crate) fn poll_pace(&self) -> Backoff {
        Backoff::new(Duration::from_millis(20), self.options.poll_ceiling)
    }

    /// Reads, and reads again while the failure may pass and time is left.
    pub(crate) async fn read<T, F>(
        &self,
        step: Step,
        deadline: &Deadline,
        mut call: impl FnMut(Client) -> F + Send,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
        T: Send,
    {
        let mut pace = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut failures = FailureStreak::new(step);
        let mut before: Option<ClientError> = None;
        loop {
            let left = deadline.for_a_request();
            let error = match call(self.client_within(deadline)).await {
                Ok(value) => {
                    self.answered(&mut failures);
                    return Ok(value);
                }
                Err(error) => error,
            };
            // What the deadline has cut short says less than the failure before it.
            if is_cut_short(&error, left, self.options.request_timeout)
                && let Some(before) = before
            {
                return Err(before);
            }
            if !may_be_repeated(&error) || deadline.is_over() {
                return Err(error);
            }
            self.retrying(&mut failures, &error);
            let pause = pace.retry(error.retry_after(), &self.jitter);
            deadline.sleep(pause).await;
            if deadline.is_over() {
                return Err(error);
            }
            before = Some(error);
        }
    }

    /// A request failed in a way that may pass, and is tried again.
    pub(crate) fn retrying(&self, failures: &mut FailureStreak, error: &ClientError) {
        failures.failed(&self.options.observation, error);
    }

    pub(crate) fn answered(&self, failures: &mut FailureStreak) {
        failures.answered(&self.options.observation);
    }

    /// Drives a step, unless the shutdown begins first. The step is pinned by the caller: taken by value, it would be in memory twice.
    pub(crate) async fn unless_begun<T>(
        &self,
        mut work: Pin<&mut (impl Future<Output = Result<T, Error>> + Send)>,
    ) -> Result<T, Error> {
        let mut begun = pin!(self.shutdown.begun());
        poll_fn(|waker| {
            // The shutdown goes first: nothing is begun after it.
            if begun.as_mut().poll(waker).is_ready() {
                return Poll::Ready(Err(Error::ShutdownBegun));
            }
            work.as_mut().poll(waker)
        })
        .await
    }

    /// Notes with the shutdown what is about to be made or started; the guard lives as long as the request.
    pub(crate) fn intend(
        &self,
        name: Arc<str>,
        target: Target,
        started_here: bool,
    ) -> Result<WriteGuard, Error> {
        self.ticket
            .intend(Intended {
                name,
                server: Arc::clone(self.server()),
                client: self.client.clone(),
                observation: self.options.observation.clone(),
                jitter: self.jitter.clone(),
                on_shutdown: self.options.on_shutdown,
                since: SystemTime::now(),
                target,
                started_here,
            })
            .map_err(|_begun| Error::ShutdownBegun)
    }

    pub(crate) fn found(&self, id: &PipelineId, started_here: bool) {
        self.ticket.found(self.server(), id, started_here);
    }
}

/// Requests are sent on a task of their own, so there must be a runtime.
pub(crate) fn need_runtime() -> Result<(), Error> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::NoRuntime),
    }
}

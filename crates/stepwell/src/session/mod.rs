//! What the states of one submission share.

mod deadline;
mod jitter;
pub(crate) mod job_list;
mod requester;
pub(crate) mod retry;
mod server_memory;
mod to_completion;
mod unless;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use stepwell_arroyo::PipelineId;
use stepwell_transport::SharedTransport;

pub(crate) use self::{
    deadline::{Deadline, after},
    jitter::Jitter,
    requester::Requester,
    server_memory::ServerMemory,
    to_completion::to_completion,
    unless::unless,
};
use crate::{
    error::Error,
    job::sight::Sight,
    observe::{Event, Step},
    options::Options,
    resolve::attempt::CreateAttempt,
    shutdown::{
        OnShutdown, Shutdown,
        registry::{
            entry::{EntryId, Intended, Target},
            ticket::Ticket,
            write_guard::WriteGuard,
        },
    },
};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) requester: Requester,
    pub(crate) options: Options,
    pub(crate) shutdown: Shutdown,
    pub(crate) ticket: Ticket,
    /// What has been observed of the job, across all waits.
    pub(crate) sight: Arc<Sight>,
    /// Whether `stop` of this submission is stopping the pipeline, or has stopped it.
    pub(crate) stops: AtomicBool,
    /// Whether a roll-back is starting the pipeline.
    puts_back: AtomicBool,
    /// What a shutdown does to the pipeline, if that is taken from the one that it replaces.
    inherited: OnceLock<OnShutdown>,
}

impl Session {
    /// `name`: that of the pipeline, if it is known.
    pub(crate) fn new(
        transport: SharedTransport,
        name: Option<Arc<str>>,
        options: Options,
        shutdown: Shutdown,
    ) -> Self {
        let sight = Arc::new(Sight::of(name));
        Self {
            requester: Requester::new(transport, &options, &sight),
            ticket: Ticket::new(&shutdown.registry),
            sight,
            stops: AtomicBool::new(false),
            puts_back: AtomicBool::new(false),
            inherited: OnceLock::new(),
            options,
            shutdown,
        }
    }

    /// Whether we are stopping the pipeline: this submission, or its shutdown.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stops.load(Ordering::Relaxed) || self.shutdown.is_begun() && self.ticket.is_to_stop()
    }

    /// What a shutdown does to the pipeline.
    pub(crate) fn on_shutdown(&self) -> OnShutdown {
        let inherited = self.inherited.get().copied();
        inherited.unwrap_or(self.options.on_shutdown)
    }

    /// The pipeline takes the place of another one, and what a shutdown would do to that.
    pub(crate) fn inherit(&self, on_shutdown: OnShutdown) {
        // Set once: a submission replaces one pipeline.
        let _ = self.inherited.set(on_shutdown);
    }

    /// Records whether a roll-back is starting the pipeline.
    pub(crate) fn puts_back(&self, puts_back: bool) {
        self.puts_back.store(puts_back, Ordering::Relaxed);
    }

    /// Whether a roll-back is starting the pipeline: that does not make it one that was started here, and is allowed while a shutdown leaves
    /// everything running.
    pub(crate) fn is_put_back(&self) -> bool {
        self.puts_back.load(Ordering::Relaxed)
    }

    /// The pipeline was started again: a stop before that says nothing about what comes.
    pub(crate) fn goes_on(&self, id: &PipelineId) {
        self.stops.store(false, Ordering::Relaxed);
        self.sight.goes_on(id);
    }

    /// The deadline of a step that begins now.
    pub(crate) fn deadline(&self, step: Step) -> Deadline {
        let options = &self.options;
        Deadline::new(match step {
            Step::Connect | Step::Attach => options.connect_timeout,
            Step::Validate => options.validate_timeout,
            Step::Resolve | Step::Start | Step::Update => options.resolve_timeout,
            Step::Wait => options.running_timeout,
            Step::Stop | Step::Delete => options.stop_timeout,
            Step::Read => options.request_timeout,
            // A streaming job may run forever.
            Step::Watch => Duration::MAX,
        })
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.requester.tell(event);
    }

    /// Drives a step, unless the shutdown begins first. The caller pins the step: taken by value, it would be in memory twice.
    pub(crate) async fn unless_begun<T>(
        &self,
        work: Pin<&mut (impl Future<Output = Result<T, Error>> + Send)>,
    ) -> Result<T, Error> {
        need_runtime()?;
        let done = unless(self.shutdown.begun(), work).await;
        done.unwrap_or(Err(Error::ShutdownBegun))
    }

    /// Registers with the shutdown what a request is about to create or start; the guard lives as long as the request.
    pub(crate) fn intend(
        &self,
        name: Arc<str>,
        target: Target,
        started_here: bool,
    ) -> Result<WriteGuard, Error> {
        let intended = self.intended(name, target, started_here);
        let guard = self.ticket.intend(intended);
        guard.map_err(|_begun| Error::ShutdownBegun)
    }

    /// The same for a create; `None` if another create of its spec is in doubt, beside which it could make a second pipeline.
    pub(crate) fn intend_create(
        &self,
        attempt: &CreateAttempt,
    ) -> Result<Option<WriteGuard>, Error> {
        let guard = self
            .ticket
            .intend_create(self.intended_create(attempt), attempt);
        guard.map_err(|_begun| Error::ShutdownBegun)
    }

    /// Goes on with the create of a submission that was dropped; `false` if another one has been faster.
    pub(crate) fn take_over(&self, attempt: &CreateAttempt, from: EntryId) -> Result<bool, Error> {
        let taken = self.ticket.take_over(self.intended_create(attempt), from);
        taken.map_err(|_begun| Error::ShutdownBegun)
    }

    fn intended_create(&self, attempt: &CreateAttempt) -> Intended {
        let target = Target::Attempted(attempt.clone());
        self.intended(attempt.spec.shared_name(), target, true)
    }

    fn intended(&self, name: Arc<str>, target: Target, started_here: bool) -> Intended {
        Intended {
            name,
            requester: self.requester.clone(),
            sight: Arc::clone(&self.sight),
            on_shutdown: self.on_shutdown(),
            puts_back: self.is_put_back(),
            since: SystemTime::now(),
            target,
            started_here,
        }
    }

    pub(crate) fn found(&self, id: &PipelineId, started_here: bool) {
        self.ticket.found(self.requester.server(), id, started_here);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.ticket.abandon();
    }
}

/// Writes are sent in tasks of their own, and every pause needs a timer: both require a runtime.
pub(crate) fn need_runtime() -> Result<(), Error> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::NoRuntime),
    }
}

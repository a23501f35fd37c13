use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use stepwell_arroyo::{JobId, PipelineId, SqlDiagnostic, StopMode};
use stepwell_transport::{
    BodyLimit, Phase, Timeout, Transport, TransportError, TransportErrorKind as Kind,
};

use super::{Failure, HeldPipeline, ServerBuilder, Workers, state::State};
use crate::WorkerEvent;

/// A control plane with workers, as a [`Transport`]. Clones are handles to the same server.
///
/// See the [module](super) for an example. Methods that take the id of a pipeline panic if the server does not have it, which is a mistake
/// in the test.
#[derive(Clone)]
pub struct Server(Arc<Mutex<State>>);

impl Server {
    /// Creates a server without pipelines, with the defaults of [`ServerBuilder`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets up a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    pub(super) fn of(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Returns all pipelines, in order of creation.
    pub fn pipelines(&self) -> Vec<HeldPipeline> {
        let state = self.state();
        let records = state.records().into_iter();
        records.filter_map(HeldPipeline::of).collect()
    }

    /// Returns a pipeline, or `None` if the server does not have it.
    pub fn pipeline(&self, id: &PipelineId) -> Option<HeldPipeline> {
        let state = self.state();
        let mut records = state.records().into_iter();
        HeldPipeline::of(records.find(|record| record.id() == id)?)
    }

    /// Returns how many requests with this method have arrived whose path (without the query) contains `fragment`. A request whose
    /// connection was refused has not arrived.
    pub fn count(&self, method: &Method, fragment: &str) -> usize {
        self.state().count(method, fragment)
    }

    /// Refuses queries that contain `fragment`, with these diagnostics: they do not validate, and no pipeline is created with them.
    pub fn refuse_queries(
        &self,
        fragment: impl Into<String>,
        diagnostics: impl IntoIterator<Item = SqlDiagnostic>,
    ) {
        let environment = &mut self.state().environment;
        environment.refuse_queries(fragment, diagnostics);
    }

    /// Accepts all queries again.
    pub fn accept_queries(&self) {
        self.state().environment.accept_queries();
    }

    /// Uses other workers for pipelines whose query contains `fragment`, from the next command on. If several calls match, the last one
    /// counts.
    pub fn set_workers(&self, fragment: impl Into<String>, workers: Workers) {
        self.state().set_workers(fragment.into(), workers);
    }

    /// Makes the current run of a pipeline fail.
    ///
    /// # Panics
    ///
    /// Panics if the pipeline has no run at present.
    #[track_caller]
    pub fn fail(&self, id: &PipelineId, failure: Failure) {
        self.tell(id, |job, run_id| failure.of_run(job, run_id));
    }

    /// Makes the current run of a pipeline finish, as if its sources had ended.
    ///
    /// # Panics
    ///
    /// Panics if the pipeline has no run at present.
    #[track_caller]
    pub fn finish(&self, id: &PipelineId) {
        self.tell(id, |job, run_id| WorkerEvent::Finished { job, run_id });
    }

    /// Stops a pipeline as another client would, or starts it with [`StopMode::None`]. The request is not counted.
    ///
    /// # Panics
    ///
    /// Panics if the server refuses it.
    #[track_caller]
    pub fn stop(&self, id: &PipelineId, mode: &StopMode) {
        let reply = self.state().stop(id, mode);
        assert_accepted(id, &reply);
    }

    /// Deletes a pipeline as another client would. The request is not counted.
    ///
    /// # Panics
    ///
    /// Panics if the server refuses it, as it does while the pipeline runs.
    #[track_caller]
    pub fn delete(&self, id: &PipelineId) {
        let reply = self.state().delete(id);
        assert_accepted(id, &reply);
    }

    /// Takes the server down for a time, which may be zero. Requests in progress break off, connections are refused until the server is
    /// back, and no worker survives. Pipelines do, and each one that is meant to run gets a new run.
    pub fn restart(&self, down: Duration) {
        self.state().restart(down);
    }

    /// Refuses connections, or accepts them again. The server keeps working meanwhile.
    pub fn refuse_connections(&self, refuse: bool) {
        self.state().refuses_connections = refuse;
    }

    /// Loses the reply of the next request with this method whose path (without the query) contains `fragment`. The request takes effect,
    /// but the client sees the connection close. Two calls lose two replies.
    pub fn lose_reply(&self, method: Method, fragment: impl Into<String>) {
        self.state().lose_reply(method, fragment.into());
    }

    /// The current state, after everything that is due has been processed.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.catch_up();
        state
    }

    #[track_caller]
    fn tell(&self, id: &PipelineId, event: impl FnOnce(JobId, u64) -> WorkerEvent) {
        let mut state = self.state();
        match state.run(id) {
            Ok((job, run_id)) => state.tell(event(job, run_id)),
            Err(reason) => panic!("{reason}"),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("pipelines", &self.state().records().len())
            .finish_non_exhaustive()
    }
}

impl Transport for Server {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut left = Left::of(&request);
        let ([there, back], restarts) = {
            let mut state = self.state();
            if !state.is_reachable() {
                return Err(refused());
            }
            (state.ways(), state.restarts)
        };
        left.pass(there).await?;
        let (reply, is_lost) = {
            let mut state = self.state();
            if !state.is_reachable() || state.restarts != restarts {
                return Err(closed());
            }
            state.receive(&request)
        };
        left.pass(back).await?;
        if is_lost || self.state().restarts != restarts {
            return Err(closed());
        }
        match request.extensions().get() {
            Some(BodyLimit(limit)) if reply.body().len() > *limit => Err(TransportError::new(
                Kind::BodyTooLarge,
                Phase::Responded,
                format!("the reply of the test server has more than {limit} bytes"),
            )),
            _ => Ok(reply),
        }
    }

    fn base_url(&self) -> Option<Uri> {
        Some(Uri::from_static("http://test-server:5115"))
    }
}

#[track_caller]
fn assert_accepted(id: &PipelineId, reply: &Response<Bytes>) {
    let words = String::from_utf8_lossy(reply.body());
    assert!(reply.status().is_success(), "pipeline {id}: {words}");
}

/// The time left for a request.
struct Left {
    timeout: Option<Duration>,
    left: Option<Duration>,
}

impl Left {
    fn of(request: &Request<Bytes>) -> Self {
        let timeout = request.extensions().get::<Timeout>();
        let timeout = timeout.map(|Timeout(timeout)| *timeout);
        Self {
            timeout,
            left: timeout,
        }
    }

    async fn pass(&mut self, time: Duration) -> Result<(), TransportError> {
        let late = self.left.filter(|left| time > *left);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(time);
        }
        let pause = late.unwrap_or(time);
        // Even a sleep of zero needs a runtime with a clock.
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        match late {
            None => Ok(()),
            Some(_) => Err(TransportError::new(
                Kind::TimedOut,
                Phase::MaybeSent,
                "the test server did not answer",
            )
            .took(self.timeout.unwrap_or_default())),
        }
    }
}

fn refused() -> TransportError {
    let message = "the test server refused the connection";
    TransportError::new(Kind::Refused, Phase::NotSent, message)
}

fn closed() -> TransportError {
    let message = "the test server closed the connection without a reply";
    TransportError::new(Kind::Closed, Phase::MaybeSent, message)
}

//! A server with an old pipeline, and a transport with a fault at one request, which watches what is meant to run.

use std::{
    future::{Future, pending},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use stepwell::{
    JobState, Options, Outcome, PipelineId, PipelineSpec, SharedTransport, Shutdown, StopMode,
    Submission,
    replacement::{Prepared, Replacement, ReplacementError, ReplacementOptions},
    state::{Registered, Running, Validated},
    transport::{Phase, Transport, TransportError, TransportErrorKind},
};
use stepwell_control_plane::{
    Generation,
    testing::{Failure, HeldPipeline, RunEnd, Server, Workers},
};

pub(crate) const OLD: &str = "INSERT INTO archive SELECT id FROM orders";
pub(crate) const NEW: &str = "INSERT INTO archive SELECT id, price FROM orders";

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not reach the server.
    LostBefore,
    /// The server carries it out, and the answer does not arrive.
    LostAfter,
    /// A gateway answers in the server's place.
    BadGateway,
    /// The process is killed before the request reaches the server.
    KilledBefore,
    /// The process is killed after the server has carried it out.
    KilledAfter,
}

impl Fault {
    pub(crate) const ALL: [Self; 5] = [
        Self::LostBefore,
        Self::LostAfter,
        Self::BadGateway,
        Self::KilledBefore,
        Self::KilledAfter,
    ];

    pub(crate) fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }
}

#[derive(Debug, Default)]
struct Watched {
    requests: usize,
    writes: Vec<String>,
    most_at_once: usize,
}

/// From which request on, counted from 0, and for how many in a row.
pub(crate) type At = (usize, usize, Fault);

/// A transport with faults at some requests.
#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    server: Server,
    at: Vec<At>,
    watched: Arc<Mutex<Watched>>,
}

impl Faulty {
    pub(crate) fn new(server: &Server, at: impl IntoIterator<Item = At>) -> Self {
        Self {
            server: server.clone(),
            at: at.into_iter().collect(),
            watched: Arc::default(),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.watched.lock().unwrap().requests
    }

    /// The requests that were sent and change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.watched.lock().unwrap().writes.clone()
    }

    fn watch(&self) {
        let now = meant_to_run(&self.server).len();
        let mut watched = self.watched.lock().unwrap();
        watched.most_at_once = watched.most_at_once.max(now);
    }

    /// How many pipelines were meant to run at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.watched.lock().unwrap().most_at_once
    }
}

impl Transport for Faulty {
    fn execute(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send {
        let this = self.clone();
        async move {
            let number = {
                let mut watched = this.watched.lock().unwrap();
                if *request.method() != Method::GET && !request.uri().path().ends_with("_query") {
                    let write = format!("{} {}", request.method(), request.uri().path());
                    watched.writes.push(write);
                }
                watched.requests += 1;
                watched.requests - 1
            };
            let mut faults = this.at.iter();
            let fault = faults.find(|(at, count, _)| (*at..at + count).contains(&number));
            match fault.map(|(_, _, fault)| *fault) {
                Some(Fault::LostBefore) => return Err(lost()),
                Some(Fault::BadGateway) => {
                    let mut reply = Response::new(Bytes::new());
                    *reply.status_mut() = StatusCode::BAD_GATEWAY;
                    return Ok(reply);
                }
                Some(Fault::KilledBefore) => return pending().await,
                Some(Fault::LostAfter | Fault::KilledAfter) | None => {}
            }
            let reply = this.server.execute(request).await;
            this.watch();
            match fault.map(|(_, _, fault)| *fault) {
                Some(Fault::LostAfter) => Err(lost()),
                Some(Fault::KilledAfter) => pending().await,
                _ => reply,
            }
        }
    }
}

/// The pipelines that the server is told to run.
pub(crate) fn meant_to_run(server: &Server) -> Vec<HeldPipeline> {
    let mut pipelines = server.pipelines();
    pipelines.retain(|pipeline| {
        let has_ended = matches!(pipeline.state, JobState::Finished | JobState::Failed);
        pipeline.stop == StopMode::None && !has_ended
    });
    pipelines
}

/// The names of the pipelines that are meant to run.
pub(crate) fn running_names(server: &Server) -> Vec<String> {
    let pipelines = meant_to_run(server).into_iter();
    pipelines.map(|pipeline| pipeline.name).collect()
}

pub(crate) fn spec(name: &str, query: &str) -> PipelineSpec {
    PipelineSpec::builder(query).name(name).build().unwrap()
}

pub(crate) fn new_spec() -> PipelineSpec {
    spec("new", NEW)
}

pub(crate) fn options() -> Options {
    Options::default()
        .with_request_timeout(Duration::from_secs(5))
        .with_running_timeout(Duration::from_secs(60))
        .with_jitter_seed(7)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A server whose old pipeline runs, started by another process.
pub(crate) async fn server_with_old() -> (Server, PipelineId) {
    server_of_with_old(Generation::V0_16).await
}

/// The same of another generation.
pub(crate) async fn server_of_with_old(generation: Generation) -> (Server, PipelineId) {
    let server = Server::builder().generation(generation).seed(1).build();
    server.set_workers(OLD, workers());
    server.set_workers(NEW, workers());
    let id = start(&server, spec("old", OLD)).await;
    (server, id)
}

pub(crate) fn workers() -> Workers {
    Workers::new()
        .with_start(Duration::from_millis(300))
        .with_checkpoint(Duration::from_millis(50))
        .with_stop(Duration::from_millis(50))
}

/// Runs that fail three seconds after they have started.
pub(crate) fn failing() -> Workers {
    workers().with_end(RunEnd::Failed {
        after: seconds(3),
        failure: Failure::new("division by zero"),
    })
}

/// Starts a pipeline as another process does.
pub(crate) async fn start(server: &Server, spec: PipelineSpec) -> PipelineId {
    let submission = Submission::builder(
        server.clone(),
        spec.to_builder().force(true).build().unwrap(),
    )
    .options(options())
    .build();
    let Outcome::Running(running) = submission.run().await.unwrap() else {
        panic!("it does not run");
    };
    running.detach()
}

pub(crate) async fn attach(
    transport: &SharedTransport,
    id: &PipelineId,
    shutdown: &Shutdown,
) -> Submission<Registered> {
    let attached = Submission::attach(transport.clone(), id.clone(), shutdown, options());
    attached.await.unwrap()
}

/// Runs the whole replacement in a new process, or goes on with one.
pub(crate) async fn replace(
    transport: SharedTransport,
    old: &PipelineId,
    shutdown: &Shutdown,
) -> Result<Submission<Running>, stepwell::Error> {
    replace_with(transport, old, shutdown, plain()).await
}

/// The same with other options.
pub(crate) async fn replace_with(
    transport: SharedTransport,
    old: &PipelineId,
    shutdown: &Shutdown,
    replacement: ReplacementOptions,
) -> Result<Submission<Running>, stepwell::Error> {
    let (old, spec) = (old.clone(), new_spec());
    let resumed = Replacement::resume(transport, old, spec, shutdown, options(), replacement);
    Ok(resumed.await?.run().await?)
}

#[track_caller]
pub(crate) fn replacement_error(error: stepwell::Error) -> ReplacementError {
    match error {
        stepwell::Error::Replacement { source } => source,
        other => panic!("not an error of a replacement: {other:?}"),
    }
}

/// Connects and validates.
pub(crate) async fn validated(
    transport: impl Transport,
    spec: PipelineSpec,
    shutdown: &Shutdown,
) -> Submission<Validated> {
    let submission = Submission::builder(transport, spec)
        .options(options())
        .shutdown(shutdown)
        .build();
    let connected = submission.connect().await.unwrap();
    connected.validate().await.unwrap()
}

pub(crate) fn plain() -> ReplacementOptions {
    ReplacementOptions::default()
}

/// Prepares to replace the old pipeline.
pub(crate) async fn prepared(
    transport: impl Transport,
    old: &PipelineId,
    shutdown: &Shutdown,
    options: ReplacementOptions,
) -> Replacement<Prepared> {
    let transport = transport.into_shared();
    let old = attach(&transport, old, shutdown).await;
    let new = validated(transport, new_spec(), shutdown).await;
    new.replace(old, options).await.unwrap()
}

/// What a hook does with a request.
pub(crate) enum Course {
    Pass,
    /// A reply in place of the server's.
    Answered(u16, &'static str),
    /// The connection closes, and the request reaches the server so much later.
    Late(Duration),
}

type Hook = dyn Fn(&Request<Bytes>, &Server) -> Course + Send + Sync;

/// A transport that asks a hook about each request.
#[derive(Clone)]
pub(crate) struct Hooked {
    server: Server,
    hook: Arc<Hook>,
}

impl Hooked {
    pub(crate) fn new(
        server: &Server,
        hook: impl Fn(&Request<Bytes>, &Server) -> Course + Send + Sync + 'static,
    ) -> Self {
        Self {
            server: server.clone(),
            hook: Arc::new(hook),
        }
    }
}

impl std::fmt::Debug for Hooked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Hooked")
    }
}

impl Transport for Hooked {
    fn execute(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send {
        let course = (self.hook)(&request, &self.server);
        let server = self.server.clone();
        async move {
            match course {
                Course::Pass => server.execute(request).await,
                Course::Answered(status, body) => {
                    let mut reply = Response::new(Bytes::from_static(body.as_bytes()));
                    *reply.status_mut() = StatusCode::from_u16(status).unwrap();
                    Ok(reply)
                }
                Course::Late(time) => {
                    tokio::spawn(async move {
                        tokio::time::sleep(time).await;
                        let _ = server.execute(request).await;
                    });
                    Err(lost())
                }
            }
        }
    }
}

fn lost() -> TransportError {
    let words = "connection closed before the reply; try again";
    TransportError::new(TransportErrorKind::Closed, Phase::MaybeSent, words)
}

/// Whether the request creates a pipeline.
pub(crate) fn creates(request: &Request<Bytes>) -> bool {
    let path = request.uri().path();
    *request.method() == Method::PUT
        || *request.method() == Method::POST && path.ends_with("/pipelines")
}

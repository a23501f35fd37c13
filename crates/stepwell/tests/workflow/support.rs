//! Bodies in the recorded shape, expectations for the usual requests, and submissions with short timeouts.

use std::{num::NonZeroU32, time::Duration};

use serde_json::{Value, json};
use stepwell::{
    Error, JobState, Options, PipelineId, PipelineSpec, Resolution, Shutdown, StopPolicy,
    Submission, TransitionError,
    error::{ResolveError, WaitError},
    shutdown::{ShutdownEnd, ShutdownReport},
    state::{Connected, Registered, Running, Unconnected, Validated},
    transport::{Expectation, FakeTransport, Phase, Transport, TransportErrorKind, http::Method},
};

pub(crate) const QUERY: &str = "INSERT INTO sink SELECT counter FROM impulse;";

pub(crate) const LIST: &str = "/api/v1/pipelines?";

pub(crate) const RESTART: &str = "/api/v1/pipelines/pl_1/restart";

pub(crate) const NEWEST_ERRORS: &str = "/api/v1/pipelines/pl_1/jobs/job_1/errors?limit=10";

pub(crate) const PIPELINES: &str = "/api/v1/pipelines";

/// A moment in microseconds of Unix time.
pub(crate) const T0: u64 = 1_795_574_859_000_000;

pub(crate) fn spec() -> PipelineSpec {
    PipelineSpec::builder(QUERY).name("orders").build().unwrap()
}

/// The id that [`spec`] gets where the server lets the client choose.
pub(crate) fn spec_id() -> String {
    PipelineId::for_spec("", "orders", QUERY)
        .as_str()
        .to_owned()
}

pub(crate) fn four() -> NonZeroU32 {
    NonZeroU32::new(4).unwrap()
}

pub(crate) fn id(text: &str) -> PipelineId {
    PipelineId::new(text).unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn options() -> Options {
    Options::default()
        .with_connect_timeout(seconds(5))
        .with_request_timeout(seconds(2))
        .with_validate_timeout(seconds(5))
        .with_resolve_timeout(seconds(20))
        .with_settle_timeout(seconds(3))
        .with_running_timeout(seconds(10))
        .with_stop_timeout(seconds(10))
        .with_silence_timeout(seconds(5))
}

/// How a submission behaves, and the shutdown that it belongs to.
pub(crate) struct Setup {
    options: Options,
    shutdown: Shutdown,
}

impl From<Options> for Setup {
    fn from(options: Options) -> Self {
        options.under(&Shutdown::new())
    }
}

pub(crate) trait Under {
    /// With this shutdown.
    fn under(self, shutdown: &Shutdown) -> Setup;
}

impl Under for Options {
    fn under(self, shutdown: &Shutdown) -> Setup {
        Setup {
            options: self,
            shutdown: shutdown.clone(),
        }
    }
}

pub(crate) fn submission(transport: impl Transport, spec: PipelineSpec) -> Submission<Unconnected> {
    submission_with(transport, spec, options())
}

pub(crate) fn submission_with(
    transport: impl Transport,
    spec: PipelineSpec,
    setup: impl Into<Setup>,
) -> Submission<Unconnected> {
    let setup = setup.into();
    Submission::builder(transport, spec)
        .options(setup.options)
        .shutdown(&setup.shutdown)
        .build()
}

pub(crate) async fn connected(fake: &FakeTransport, spec: PipelineSpec) -> Submission<Connected> {
    fake.ping();
    submission(fake.clone(), spec).connect().await.unwrap()
}

pub(crate) async fn validated(fake: &FakeTransport, spec: PipelineSpec) -> Submission<Validated> {
    validated_with(fake.clone(), fake, spec, options()).await
}

/// As [`validated`], over a transport that sends to `fake`.
pub(crate) async fn validated_with(
    transport: impl Transport,
    fake: &FakeTransport,
    spec: PipelineSpec,
    setup: impl Into<Setup>,
) -> Submission<Validated> {
    fake.ping();
    fake.validation();
    submission_with(transport, spec, setup)
        .connect()
        .await
        .unwrap()
        .validate()
        .await
        .unwrap()
}

/// A submission to a server that holds this pipeline with this job.
pub(crate) async fn with_job(
    fake: &FakeTransport,
    spec: PipelineSpec,
    stop: &str,
    job: Value,
) -> Submission<Validated> {
    let validated = validated(fake, spec).await;
    fake.list(&[pipeline("pl_1", QUERY).with("stop", json!(stop))]);
    fake.jobs("pl_1", job);
    validated
}

/// A pipeline that was found Running, and is Running.
pub(crate) async fn running(fake: &FakeTransport, setup: impl Into<Setup>) -> Submission<Running> {
    let validated = validated_with(fake.clone(), fake, spec(), setup).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Running"));
    let registered = validated.resolve().await.unwrap().register();
    fake.jobs("pl_1", job("Running"));
    registered.wait_until_running().await.unwrap()
}

/// One job after another, one a request.
#[track_caller]
pub(crate) fn shows(fake: &FakeTransport, jobs: &[Value]) {
    for job in jobs {
        fake.jobs("pl_1", job.clone());
    }
}

pub(crate) fn path(id: impl AsRef<str>) -> String {
    format!("/api/v1/pipelines/{}", id.as_ref())
}

pub(crate) fn jobs_path(id: impl AsRef<str>) -> String {
    format!("/api/v1/pipelines/{}/jobs", id.as_ref())
}

pub(crate) fn graph(parallelism: u32) -> Value {
    json!({
        "nodes": [
            {"node_id": 0, "operator": "impulse", "description": "Impulse<10 eps>", "parallelism": parallelism},
            {"node_id": 4, "operator": "blackhole", "description": "Blackhole", "parallelism": parallelism},
        ],
        "edges": [{"src_id": 0, "dest_id": 4, "key_type": "()", "value_type": "()", "edge_type": "Forward"}],
    })
}

/// A pipeline named `orders`, as `102_get_pipeline_running` shows one.
pub(crate) fn pipeline(id: impl AsRef<str>, query: &str) -> Value {
    json!({
        "id": id.as_ref(), "name": "orders", "query": query, "udfs": [], "checkpoint_interval_micros": 10_000_000,
        "stop": "none", "created_at": T0, "action": "checkpoint", "action_text": "Stop", "action_in_progress": false,
        "graph": graph(1), "preview": false, "state_url": null, "tags": {},
    })
}

/// A job in its first run, as `103_get_jobs_running` shows one.
pub(crate) fn job(state: &str) -> Value {
    let ended = matches!(state, "Stopped" | "Finished" | "Failed");
    json!({
        "id": "job_1", "pipeline_id": "pl_1", "running_desired": true, "state": state, "run_id": 1, "start_time": T0 + 1_163_266,
        "finish_time": ended.then_some(T0 + 60_310_000), "tasks": 3, "failure_reason": null, "created_at": T0,
        "scheduler_config": {}, "env_vars": {},
    })
}

/// A job that is told to stop, or has stopped.
pub(crate) fn undesired(state: &str) -> Value {
    job(state).with("running_desired", json!(false))
}

pub(crate) fn checkpoint(epoch: u64, kind: &str, finished: bool) -> Value {
    json!({
        "epoch": epoch, "backend": "parquet", "checkpoint_type": kind, "start_time": T0 + epoch * 10_000_000,
        "finish_time": finished.then_some(T0 + epoch * 10_000_000 + 300_000), "events": [],
    })
}

/// An entry of the job's log, this many seconds after it was made.
pub(crate) fn logged(id: &str, seconds: u64, details: &str) -> Value {
    json!({
        "id": id, "created_at": T0 + seconds * 1_000_000, "operator_id": null, "task_index": 0, "level": "error",
        "message": "task failed", "details": details, "error_domain": "user",
    })
}

/// A body with something changed.
pub(crate) trait With {
    fn with(self, field: &str, value: Value) -> Self;
    fn without(self, field: &str) -> Self;
}

impl With for Value {
    fn with(mut self, field: &str, value: Value) -> Self {
        self[field] = value;
        self
    }

    fn without(mut self, field: &str) -> Self {
        self.as_object_mut().unwrap().remove(field);
        self
    }
}

/// The usual requests.
pub(crate) trait Script {
    fn ping(&self);
    fn validation(&self);
    fn list(&self, pipelines: &[Value]);
    fn jobs(&self, id: impl AsRef<str>, job: Value);
    fn checkpoints(&self, checkpoints: &[Value]);
    fn newest_errors(&self, errors: &[Value]);
    fn patch(&self, id: &str, body: Value) -> Expectation<'_>;
    fn not_there(&self, id: impl AsRef<str>) -> Expectation<'_>;
    fn unknown(&self, id: &str);
}

impl Script for FakeTransport {
    #[track_caller]
    fn ping(&self) {
        self.expect(Method::GET, "/api/v1/ping")
            .reply_json(200, "Pong");
    }

    #[track_caller]
    fn validation(&self) {
        self.expect(Method::POST, "/api/v1/pipelines/validate_query")
            .reply_json(200, &json!({"graph": graph(1), "errors": []}));
    }

    #[track_caller]
    fn list(&self, pipelines: &[Value]) {
        self.expect(Method::GET, LIST)
            .reply_json(200, &json!({"data": pipelines, "hasMore": false}));
    }

    #[track_caller]
    fn jobs(&self, id: impl AsRef<str>, job: Value) {
        self.expect(Method::GET, jobs_path(id))
            .reply_json(200, &json!({"data": [job]}));
    }

    #[track_caller]
    fn checkpoints(&self, checkpoints: &[Value]) {
        self.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/checkpoints")
            .reply_json(200, &json!({"data": checkpoints}));
    }

    /// What a job in trouble has logged, newest first.
    #[track_caller]
    fn newest_errors(&self, errors: &[Value]) {
        self.expect(Method::GET, NEWEST_ERRORS)
            .reply_json(200, &json!({"data": errors, "hasMore": false}));
    }

    /// Accepts this `PATCH`.
    #[track_caller]
    fn patch(&self, id: &str, body: Value) -> Expectation<'_> {
        self.expect(Method::PATCH, path(id))
            .with_json(body)
            .reply_json(200, &pipeline(id, QUERY))
    }

    /// A `GET` of the pipeline that finds none.
    #[track_caller]
    fn not_there(&self, id: impl AsRef<str>) -> Expectation<'_> {
        self.expect(Method::GET, path(id))
            .reply_json(404, &json!({"error": "Pipeline not found"}))
    }

    /// Neither shows the job nor takes a `PATCH`, however often it is asked.
    #[track_caller]
    fn unknown(&self, id: &str) {
        for (method, path) in [(Method::GET, jobs_path(id)), (Method::PATCH, path(id))] {
            self.expect(method, path)
                .reply_json(404, &json!({"error": "Pipeline not found"}))
                .always();
        }
    }
}

/// How an answer fails to come.
pub(crate) trait Lost {
    /// The request took effect or not, and the connection broke off before the reply.
    fn lost(self) -> Self;
    fn refused(self) -> Self;
}

impl Lost for Expectation<'_> {
    fn lost(self) -> Self {
        self.fail(TransportErrorKind::Closed, Phase::MaybeSent)
    }

    fn refused(self) -> Self {
        self.fail(TransportErrorKind::Refused, Phase::NotSent)
    }
}

/// How often a method was requested of a path that fits.
pub(crate) fn count(fake: &FakeTransport, method: &Method, fits: impl Fn(&str) -> bool) -> usize {
    fake.requests()
        .iter()
        .filter(|request| request.method == *method && fits(&request.path))
        .count()
}

/// Creates that were requested, by either method.
pub(crate) fn creates(fake: &FakeTransport) -> usize {
    count(fake, &Method::PUT, |_| true) + count(fake, &Method::POST, |path| path == PIPELINES)
}

/// An error with its causes.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    stepwell::error::Chain(error).to_string()
}

#[track_caller]
pub(crate) fn created(
    resolution: Resolution,
) -> Submission<stepwell::state::Resolved<stepwell::state::Created>> {
    match resolution {
        Resolution::Created(created) => created,
        Resolution::Resumed(resumed) => panic!("it was resumed: {}", resumed.id()),
    }
}

#[track_caller]
pub(crate) fn resumed(
    resolution: Resolution,
) -> Submission<stepwell::state::Resolved<stepwell::state::Resumed>> {
    match resolution {
        Resolution::Resumed(resumed) => resumed,
        Resolution::Created(created) => panic!("it was created: {}", created.id()),
    }
}

/// Stops with 30 s to do so.
pub(crate) fn policy() -> StopPolicy {
    StopPolicy::builder().deadline(seconds(30)).build()
}

/// Expects exactly one stop of the pipeline, which it obeys.
pub(crate) fn expect_stop(fake: &FakeTransport, id: &str) {
    fake.jobs(id, job("Scheduling"));
    fake.expect(Method::GET, format!("{}/job_1/checkpoints", jobs_path(id)))
        .reply_json(200, &json!({"data": []}));
    fake.patch(id, json!({"stop": "checkpoint"}));
    fake.jobs(id, undesired("Stopping"));
    fake.jobs(id, undesired("Stopped"));
    fake.expect(Method::GET, format!("{}/job_1/checkpoints", jobs_path(id)))
        .reply_json(200, &json!({"data": [checkpoint(1, "stopping", true)]}));
}

/// That one pipeline was stopped with a final checkpoint.
#[track_caller]
pub(crate) fn assert_stopped(report: &ShutdownReport, id: &str) {
    let [entry] = &report.entries[..] else {
        panic!("{report}");
    };
    assert_eq!(entry.name, "orders");
    assert_eq!(
        entry.id.as_ref().map(stepwell::PipelineId::as_str),
        Some(id)
    );
    assert!(
        matches!(
            entry.end,
            ShutdownEnd::Ended {
                state: JobState::Stopped,
                final_checkpoint: Some(true),
                ..
            }
        ),
        "{report}"
    );
}

/// The error of a `resolve` that failed.
#[track_caller]
pub(crate) fn resolve_error(
    outcome: Result<Resolution, TransitionError<Validated>>,
) -> (ResolveError, Submission<Validated>) {
    let (error, submission) = outcome.unwrap_err().into_parts();
    match error {
        stepwell::Error::Resolve { source } => (source, submission),
        other => panic!("not an error of resolving: {}", chain(&other)),
    }
}

/// A pipeline that was just created.
pub(crate) async fn registered(fake: &FakeTransport, options: Options) -> Submission<Registered> {
    let validated = validated_with(fake.clone(), fake, spec(), options).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline("pl_1", QUERY));
    created(validated.resolve().await.unwrap()).register()
}

pub(crate) fn wait_error(
    outcome: Result<Submission<Running>, TransitionError<Registered>>,
) -> (WaitError, Submission<Registered>) {
    let (error, submission) = outcome.unwrap_err().into_parts();
    match error {
        Error::Wait { source } => (source, submission),
        other => panic!("not an error of waiting: {other:?}"),
    }
}

//! The spec of most tests, and submissions with short timeouts, up to each state.

mod bodies;
mod outcomes;
mod requests;

use std::{num::NonZeroU32, time::Duration};

use serde_json::{Value, json};
use stepwell::{
    Options, PipelineId, PipelineSpec, Shutdown, StopPolicy, Submission,
    spec::Identity,
    state::{Connected, Registered, Running, Stopped, Unconnected, Validated},
    transport::{FakeTransport, Transport, http::Method},
};

pub(crate) use self::{bodies::*, outcomes::*, requests::*};

pub(crate) const QUERY: &str = "INSERT INTO sink SELECT counter FROM impulse;";

pub(crate) fn spec() -> PipelineSpec {
    PipelineSpec::builder(QUERY).name("orders").build().unwrap()
}

/// The id that [`spec`] gets where the server lets the client choose.
pub(crate) fn spec_id() -> String {
    PipelineId::for_spec("", "orders", QUERY)
        .as_str()
        .to_owned()
}

/// As [`spec`], under this id.
pub(crate) fn chosen(text: &str) -> PipelineSpec {
    PipelineSpec::builder(QUERY)
        .name("orders")
        .identity(Identity::Given(id(text)))
        .build()
        .unwrap()
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

/// A pipeline that was found Running and has passed the wait.
pub(crate) async fn running(fake: &FakeTransport, setup: impl Into<Setup>) -> Submission<Running> {
    let validated = validated_with(fake.clone(), fake, spec(), setup).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Running"));
    let registered = validated.resolve().await.unwrap().register();
    fake.jobs("pl_1", job("Running"));
    registered.wait_until_running().await.unwrap()
}

/// A policy with a deadline of 30 s.
pub(crate) fn policy() -> StopPolicy {
    StopPolicy::builder().deadline(seconds(30)).build()
}

/// A pipeline that was just created.
pub(crate) async fn registered(fake: &FakeTransport, options: Options) -> Submission<Registered> {
    let validated = validated_with(fake.clone(), fake, chosen("pl_1"), options).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    created(validated.resolve().await.unwrap()).register()
}

/// A pipeline that was attached to.
pub(crate) async fn attached(
    fake: &FakeTransport,
    setup: impl Into<Setup>,
) -> Submission<Registered> {
    let Setup { options, shutdown } = setup.into();
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let attached = Submission::attach(fake.clone(), id("pl_1"), &shutdown, options);
    attached.await.unwrap()
}

/// A pipeline that was stopped.
pub(crate) async fn stopped(fake: &FakeTransport, setup: impl Into<Setup>) -> Submission<Stopped> {
    let running = running(fake, setup).await;
    shows(fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    running.stop().await.unwrap()
}

/// Shows a pipeline that is told to stop in this way, or with `none` to run, and before that its job.
#[track_caller]
pub(crate) fn shows_both(fake: &FakeTransport, job: Value, stop: &str) {
    fake.jobs("pl_1", job);
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY).with("stop", json!(stop)));
}

//! Checks at compile time: every step can be spawned on another thread, and an error is small enough for every `Result`.

use stepwell::{
    Error, Options, PipelineId, PipelineSpec, Resolution, Shutdown, StopPolicy, Submission,
    TransitionError,
    replacement::{
        NewStarted, OldStopped, Prepared, Proved, Replacement, ReplacementFailure,
        ReplacementOptions, ReplacementResumed,
    },
    spec::Update,
    state::{
        Connected, Created, Registered, Resolved, Resumed, Running, Stopped, Unconnected, Validated,
    },
    transport::NeverTransport,
};

fn is_send<T: Send>(_: T) {}

fn is_shared<T: Send + Sync + 'static>() {}

/// Never called: it only has to compile.
#[allow(dead_code, clippy::too_many_arguments)]
fn every_future_is_send(
    unconnected: [Submission<Unconnected>; 2],
    connected: Submission<Connected>,
    validated: Submission<Validated>,
    created: Submission<Resolved<Created>>,
    registered: [Submission<Registered>; 2],
    running: Submission<Running>,
    stopped: &Submission<Stopped>,
    shutdown: &Shutdown,
    id: PipelineId,
) {
    let [one, other] = unconnected;
    is_send(one.connect());
    is_send(other.run());
    is_send(connected.validate());
    is_send(validated.plan());
    is_send(validated.resolve());
    is_send(created.discard());
    let [one, other] = registered;
    is_send(one.status());
    is_send(one.read_job());
    is_send(one.job_errors());
    is_send(one.checkpoints());
    is_send(one.wait_until_running());
    is_send(other.stop());
    is_send(running.ended());
    is_send(async { running.rows().next().await });
    is_send(running.status());
    is_send(running.stop());
    is_send(stopped.status());
    is_send(shutdown.begun());
    is_send(shutdown.stop_all(StopPolicy::default()));
    is_send(Submission::attach(
        NeverTransport::default(),
        id,
        shutdown,
        Options::default(),
    ));
}

/// Never called, either.
#[allow(dead_code, clippy::too_many_arguments)]
fn every_future_of_a_change_is_send(
    new: Submission<Validated>,
    registered: [Submission<Registered>; 3],
    running: Submission<Running>,
    stopped: [Submission<Stopped>; 2],
    prepared: [Replacement<Prepared>; 2],
    old_stopped: [Replacement<OldStopped>; 2],
    new_started: Replacement<NewStarted>,
    proved: [Replacement<Proved>; 2],
    resumed: ReplacementResumed,
    update: &'static Update,
    (id, spec, shutdown): (PipelineId, PipelineSpec, &'static Shutdown),
) {
    let [old, one, other] = registered;
    is_send(one.start());
    is_send(other.delete());
    is_send(running.update(update));
    let [one, other] = stopped;
    is_send(one.start());
    is_send(other.delete());
    is_send(new.replace(old, ReplacementOptions::default()));
    let [one, other] = prepared;
    is_send(one.stop_old());
    is_send(other.run());
    let [one, other] = old_stopped;
    is_send(one.start_new());
    is_send(other.run());
    is_send(new_started.prove());
    let [one, other] = proved;
    is_send(one.commit());
    is_send(other.roll_back());
    is_send(resumed.run());
    let (transport, options) = (NeverTransport::default(), Options::default());
    let replacement = ReplacementOptions::default();
    is_send(Replacement::resume(
        transport,
        id,
        spec,
        shutdown,
        options,
        replacement,
    ));
    is_send(shutdown.drain(std::time::Duration::ZERO));
}

#[test]
fn everything_public_can_be_shared_between_threads() {
    is_shared::<Replacement<Prepared>>();
    is_shared::<ReplacementFailure<Proved>>();
    is_shared::<ReplacementResumed>();
    is_shared::<Submission<Unconnected>>();
    is_shared::<Submission<Validated>>();
    is_shared::<Submission<Resolved<Resumed>>>();
    is_shared::<Submission<Running>>();
    is_shared::<Submission<Stopped>>();
    is_shared::<Resolution>();
    is_shared::<Error>();
    is_shared::<TransitionError<Running>>();
    is_shared::<Shutdown>();
    is_shared::<Options>();
    is_shared::<PipelineSpec>();
}

#[test]
fn errors_are_small() {
    assert_eq!(size_of::<TransitionError<Validated>>(), size_of::<usize>());
    assert_eq!(size_of::<ReplacementFailure<Proved>>(), size_of::<usize>());
    assert!(size_of::<Error>() <= 128, "{}", size_of::<Error>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_runs_on_a_pool_of_threads() {
    use crate::support::*;
    let fake = stepwell::transport::FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Running"));
    fake.jobs("pl_1", job("Running"));
    let work = async move {
        let registered = validated.resolve().await.unwrap().register();
        registered.wait_until_running().await.unwrap()
    };
    let running = tokio::spawn(work).await.unwrap();
    assert_eq!(running.id().as_str(), "pl_1");
}

//! Durations of any length, steps outside a runtime, and code that panics.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use stepwell::{
    Error, PipelineId, Shutdown, StopPolicy, Submission,
    error::ReplacementError,
    observe::Event,
    replacement::{Prepared, Replacement, ReplacementOptions},
    transport::Transport as _,
};
use stepwell_control_plane::testing::Server;
use tokio::runtime::{Builder, Runtime};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_duration_of_any_length_makes_no_step_panic() {
    for length in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let policy = StopPolicy::builder().deadline(length).build();
        for replacement in [
            ReplacementOptions::default().with_proof_of(length),
            ReplacementOptions::default().with_stop_policy(policy),
        ] {
            let (server, old) = server_with_old().await;
            let shutdown = Shutdown::new();
            let replacing =
                replace_with(server.clone().into_shared(), &old, &shutdown, replacement);
            let _ = tokio::time::timeout(seconds(1_000), Box::pin(replacing)).await;
            assert!(meant_to_run(&server).len() <= 1, "{length:?}");
        }
        let every = options()
            .with_resolve_timeout(length)
            .with_stop_timeout(length)
            .with_running_timeout(length)
            .with_settle_timeout(length);
        let (server, old) = server_with_old().await;
        let shutdown = Shutdown::new();
        let resumed = Replacement::resume(
            server.clone(),
            old,
            new_spec(),
            &shutdown,
            every,
            ReplacementOptions::default(),
        );
        let replacing = async { Ok::<_, Error>(resumed.await?.run().await?) };
        let _ = tokio::time::timeout(seconds(1_000), Box::pin(replacing)).await;
        assert!(meant_to_run(&server).len() <= 1, "{length:?}");
    }
}

fn paused() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// The outcome of the first poll, outside any runtime.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits for something"),
    }
}

fn new_replacement(runtime: &Runtime) -> (Server, PipelineId, Replacement<Prepared>) {
    runtime.block_on(async {
        let (server, old) = server_with_old().await;
        let options = ReplacementOptions::default();
        let prepared = prepared(server.clone(), &old, &Shutdown::new(), options).await;
        (server, old, prepared)
    })
}

fn needs_a_runtime(error: &ReplacementError) {
    let error = error.step_error();
    assert!(matches!(error, Some(Error::NoRuntime)), "{error:?}");
}

#[test]
fn outside_a_runtime_each_step_says_so_and_the_replacement_goes_on_in_one() {
    let runtime = paused();
    let (server, old, prepared) = new_replacement(&runtime);
    let (error, prepared) = at_once(prepared.stop_old()).unwrap_err().into_parts();
    needs_a_runtime(&error);
    let stopped = runtime.block_on(prepared.stop_old()).unwrap();
    let (error, stopped) = at_once(stopped.start_new()).unwrap_err().into_parts();
    needs_a_runtime(&error);
    let started = runtime.block_on(stopped.start_new()).unwrap();
    let (error, started) = at_once(started.prove()).unwrap_err().into_parts();
    needs_a_runtime(&error);
    let proved = runtime.block_on(started.prove()).unwrap();
    let (error, proved) = at_once(proved.commit()).unwrap_err().into_parts();
    needs_a_runtime(&error);
    let (error, rolling) = at_once(proved.roll_back()).unwrap_err().into_parts();
    needs_a_runtime(&error);
    let _back = runtime.block_on(rolling.roll_back()).unwrap();
    assert_eq!(running_names(&server), ["old"]);

    let shutdown = Shutdown::new();
    let (new, attached) = runtime.block_on(async {
        let new = validated(server.clone(), new_spec(), &shutdown).await;
        let attached = attach(&server.clone().into_shared(), &old, &shutdown).await;
        (new, attached)
    });
    let replacement = ReplacementOptions::default();
    let failure = at_once(new.replace(attached, replacement.clone())).unwrap_err();
    needs_a_runtime(failure.error());
    let resumed = Replacement::resume(server, old, new_spec(), &shutdown, options(), replacement);
    let error = at_once(resumed).unwrap_err();
    assert!(matches!(error, Error::NoRuntime), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_observer_changes_no_step() {
    let (server, old) = server_with_old().await;
    let shutdown = Shutdown::new();
    let panics = || options().with_observer(|event: &Event| panic!("cannot draw {event:?}"));
    let attached = Submission::attach(server.clone(), old, &shutdown, panics());
    let new = Submission::builder(server.clone(), new_spec())
        .options(panics())
        .shutdown(&shutdown)
        .build();
    let new = new.connect().await.unwrap().validate().await.unwrap();
    let replacement = ReplacementOptions::default();
    let prepared = new.replace(attached.await.unwrap(), replacement).await;
    let running = prepared.unwrap().run().await.unwrap();
    assert_eq!(running.name(), "new");
    assert_eq!(running_names(&server), ["new"]);
}

/// The panic reaches the caller, and a rerun goes on.
#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_in_a_write_leaves_what_a_rerun_mends() {
    for write in 0..3 {
        let (server, old) = server_with_old().await;
        let writes = std::sync::atomic::AtomicUsize::new(0);
        let hooked = Hooked::new(&server, move |request, _| {
            let is_write = ["PUT", "PATCH", "DELETE"].contains(&request.method().as_str());
            let count = || writes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            assert!(!is_write || count() != write, "no write today");
            Course::Pass
        });
        let id = old.clone();
        let replacing = tokio::spawn(async move {
            let shutdown = Shutdown::new();
            replace(hooked.into_shared(), &id, &shutdown)
                .await
                .map(drop)
        });
        let panicked = replacing.await.unwrap_err().is_panic();
        assert!(panicked, "write {write}");
        let _running = replace(server.clone().into_shared(), &old, &Shutdown::new())
            .await
            .unwrap();
        assert_eq!(running_names(&server), ["new"], "write {write}");
        assert_eq!(server.pipelines().len(), 1);
    }
}

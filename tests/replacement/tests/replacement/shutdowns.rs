//! A shutdown between the steps of a replacement, and in the middle of each.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use stepwell::{
    OnShutdown, Shutdown, StopPolicy, Submission,
    error::MeantToRun,
    shutdown::{ShutdownEnd, ShutdownReport},
    transport::Transport as _,
};
use stepwell_control_plane::testing::Server;
use tokio::sync::Notify;

use crate::support::*;

/// Each pipeline is in the report once, and what it says is so.
fn is_true(report: &ShutdownReport, server: &Server, told: &str) {
    let ids: HashSet<_> = report.entries.iter().map(|entry| &entry.id).collect();
    assert_eq!(ids.len(), report.entries.len(), "{told}: {report}");
    let running = meant_to_run(server);
    for entry in &report.entries {
        let runs = running.iter().any(|one| Some(&one.id) == entry.id.as_ref());
        let is_right = match &entry.end {
            ShutdownEnd::Ended { .. } | ShutdownEnd::Deleted | ShutdownEnd::NotCreated => !runs,
            _ => true,
        };
        assert!(is_right, "{told}: {report}");
    }
}

#[tokio::test(start_paused = true)]
async fn once_a_shutdown_has_begun_the_old_one_is_not_stopped() {
    for drains in [true, false] {
        let (server, old) = server_with_old().await;
        let shutdown = Shutdown::new();
        let prepared = prepared(server.clone(), &old, &shutdown, plain()).await;
        if drains {
            shutdown.drain(seconds(10)).await.unwrap();
        } else {
            shutdown.begin();
        }
        let (error, prepared) = prepared.stop_old().await.unwrap_err().into_parts();
        assert_eq!(error.step_error().unwrap().code(), "shutdown_begun");
        assert_eq!(error.meant_to_run(), Some(MeantToRun::Old));
        assert_eq!(running_names(&server), ["old"]);
        drop(prepared);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_between_two_steps_ends_the_next_one_and_is_told_what_is_meant_to_run() {
    for step in 1..4 {
        let (server, old) = server_with_old().await;
        let shutdown = Shutdown::new();
        let prepared = prepared(server.clone(), &old, &shutdown, plain()).await;
        let stopped = prepared.stop_old().await.unwrap();
        let error = if step == 1 {
            shutdown.begin();
            stopped.start_new().await.unwrap_err().into_error()
        } else {
            let started = stopped.start_new().await.unwrap();
            if step == 2 {
                shutdown.begin();
                started.prove().await.unwrap_err().into_error()
            } else {
                let proved = started.prove().await.unwrap();
                shutdown.begin();
                proved.commit().await.unwrap_err().into_error()
            }
        };
        assert_eq!(
            error.step_error().unwrap().code(),
            "shutdown_begun",
            "{error:?}"
        );
        let meant = if step == 1 {
            MeantToRun::Neither
        } else {
            MeantToRun::New
        };
        assert_eq!(error.meant_to_run(), Some(meant), "step {step}");
        let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
        is_true(&report, &server, &format!("step {step}"));
        // The new one was started here, and the old one is stopped.
        assert!(running_names(&server).is_empty(), "step {step}");
        let replaced = replace(server.clone().into_shared(), &old, &Shutdown::new()).await;
        assert_eq!(replaced.unwrap().name(), "new");
        assert_eq!(running_names(&server), ["new"], "step {step}");
    }
}

/// Plays a replacement with a shutdown that begins at a request; returns how many there were.
async fn at_request(at: usize, drains: bool, on_shutdown: OnShutdown, fails: bool) -> usize {
    let told = format!("at request {at}, drains: {drains}, {on_shutdown:?}, fails: {fails}");
    let (server, old) = server_with_old().await;
    if fails {
        server.set_workers(NEW, failing());
    }
    let count = Arc::new(AtomicUsize::new(0));
    let begins = Arc::new(Notify::new());
    let (counted, notified) = (Arc::clone(&count), Arc::clone(&begins));
    let hooked = Hooked::new(&server, move |_, _| {
        if counted.fetch_add(1, Ordering::Relaxed) == at {
            notified.notify_one();
        }
        Course::Pass
    });
    let shutdown = Shutdown::new();
    let replacing = async {
        let options = options().with_on_shutdown(on_shutdown);
        let transport = hooked.clone().into_shared();
        let attached = Submission::attach(transport, old.clone(), &shutdown, options).await?;
        let new = Submission::builder(hooked.clone(), new_spec())
            .options(self::options())
            .shutdown(&shutdown)
            .build();
        let new = new.connect().await?.validate().await?;
        let running = new.replace(attached, plain()).await?.run().await?;
        Ok::<_, stepwell::Error>(running)
    };
    let stopping = async {
        begins.notified().await;
        if drains {
            shutdown.drain(seconds(60)).await
        } else {
            shutdown.stop_all(StopPolicy::default()).await
        }
    };
    let (replaced, report) = tokio::join!(Box::pin(replacing), async {
        tokio::time::timeout(seconds(200), stopping).await
    });
    let Ok(report) = report else {
        // It began at no request.
        assert!(at >= count.load(Ordering::Relaxed), "{told}");
        return count.load(Ordering::Relaxed);
    };
    let report = report.unwrap_or_else(|error| error.report);
    is_true(&report, &server, &told);
    let names = running_names(&server);
    if drains {
        assert_eq!(names.len(), 1, "{told}: {names:?}: {replaced:?}: {report}");
    } else if on_shutdown == OnShutdown::Stop {
        // Before it is attached to, the old one is not known.
        let is_known = report.entries.iter().any(|entry| entry.name == "old");
        let is_told = report.unsettled().any(|entry| names.contains(&entry.name));
        let is_left = !is_known && names == ["old"];
        assert!(
            names.is_empty() || is_told || is_left,
            "{told}: {names:?}: {report}"
        );
    } else {
        assert!(
            names.is_empty() || names == ["old"],
            "{told}: {names:?}: {report}"
        );
    }
    count.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_drain_at_any_request_leaves_one_of_the_two_running() {
    for fails in [false, true] {
        let requests = at_request(usize::MAX, true, OnShutdown::StopIfStartedHere, fails).await;
        for at in (0..requests).step_by(3) {
            at_request(at, true, OnShutdown::StopIfStartedHere, fails).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_any_request_reports_each_pipeline_once_as_it_is() {
    for on_shutdown in [OnShutdown::StopIfStartedHere, OnShutdown::Stop] {
        let requests = at_request(usize::MAX, false, on_shutdown, false).await;
        for at in (0..requests).step_by(3) {
            at_request(at, false, on_shutdown, false).await;
        }
    }
}

/// The old pipeline was created by this process: a roll-back does not change that a shutdown stops it.
#[tokio::test(start_paused = true)]
async fn what_was_created_here_and_is_put_back_is_stopped_by_the_shutdown() {
    let (server, _) = server_with_old().await;
    let shutdown = Shutdown::new();
    let third = spec("third", "INSERT INTO archive SELECT 3 FROM orders");
    let third = third.to_builder().force(true).build().unwrap();
    let created = validated(server.clone(), third, &shutdown).await;
    let registered = created.resolve().await.unwrap().register();
    let running = registered.wait_until_running().await.unwrap();
    let new = new_spec().to_builder().force(true).build().unwrap();
    let new = validated(server.clone(), new, &shutdown).await;
    let prepared = new.replace(running, plain()).await.unwrap();
    let _back = prepared
        .stop_old()
        .await
        .unwrap()
        .roll_back()
        .await
        .unwrap();
    assert_eq!(running_names(&server), ["old", "third"]);
    shutdown.stop_all(StopPolicy::default()).await.unwrap();
    assert_eq!(running_names(&server), ["old"]);
}

//! Other clients between the steps, creates in doubt, and pipelines that are not as they were.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use http::Method;
use stepwell::{
    Error, JobState, PipelineId, Shutdown, StopMode, StopPolicy,
    error::{Chain, MeantToRun, ReplacementError},
    replacement::{Replacement, ReplacementResumed},
    spec::{Identity, Intent},
    transport::Transport as _,
};
use stepwell_control_plane::{
    Generation, Scheduler,
    testing::{Failure, RunEnd, Server},
};

use crate::support::*;

/// The code of the error of a step, and what is meant to run.
fn told(error: &ReplacementError) -> (&'static str, Option<MeantToRun>) {
    let code = error.step_error().map_or("", Error::code);
    (code, error.meant_to_run())
}

async fn rerun(server: &Server, old: &PipelineId) -> Result<(), Error> {
    let replaced = replace(server.clone().into_shared(), old, &Shutdown::new()).await;
    replaced.map(drop)
}

#[tokio::test(start_paused = true)]
async fn no_new_one_is_started_beside_an_old_one_that_another_client_has_started_again() {
    let (server, old) = server_with_old().await;
    let prepared = prepared(server.clone(), &old, &Shutdown::new(), plain()).await;
    let stopped = prepared.stop_old().await.unwrap();
    server.stop(&old, &StopMode::None);
    let (error, stopped) = stopped.start_new().await.unwrap_err().into_parts();
    assert_eq!(told(&error), ("stop.resumed", Some(MeantToRun::Old)));
    let _back = stopped.roll_back().await.unwrap();
    assert_eq!(running_names(&server), ["old"]);
    assert_eq!(server.pipelines().len(), 1);
    rerun(&server, &old).await.unwrap();
    assert_eq!(running_names(&server), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_says_that_another_client_has_started_the_old_one_again() {
    for keeps_old in [false, true] {
        let (server, old) = server_with_old().await;
        let options = plain().with_keep_old(keeps_old);
        let prepared = prepared(server.clone(), &old, &Shutdown::new(), options).await;
        let started = prepared
            .stop_old()
            .await
            .unwrap()
            .start_new()
            .await
            .unwrap();
        let proved = started.prove().await.unwrap();
        server.stop(&old, &StopMode::None);
        let error = proved.commit().await.unwrap_err().into_error();
        assert_eq!(error.meant_to_run(), Some(MeantToRun::Both), "{error:?}");
        assert_eq!(running_names(&server).len(), 2);
        rerun(&server, &old).await.unwrap();
        assert_eq!(running_names(&server), ["new"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_one_that_another_client_deletes_is_no_obstacle_and_no_way_back() {
    for rolls_back in [false, true] {
        let (server, old) = server_with_old().await;
        let prepared = prepared(server.clone(), &old, &Shutdown::new(), plain()).await;
        let stopped = prepared.stop_old().await.unwrap();
        server.delete(&old);
        let started = stopped.start_new().await.unwrap();
        if rolls_back {
            let (error, _) = started.roll_back().await.unwrap_err().into_parts();
            assert!(
                matches!(error, ReplacementError::OldGone { new: Some(_), .. }),
                "{error:?}"
            );
        } else {
            let _running = started.prove().await.unwrap().commit().await.unwrap();
        }
        assert_eq!(running_names(&server), ["new"]);
        rerun(&server, &old).await.unwrap();
        assert_eq!(running_names(&server), ["new"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_by_itself_is_left_so_and_deleted_at_the_end() {
    for fails in [false, true] {
        for rolls_back in [false, true] {
            let (server, old) = server_with_old().await;
            if fails {
                server.fail(&old, Failure::new("division by zero"));
            } else {
                server.finish(&old);
            }
            tokio::time::sleep(seconds(10)).await;
            let ended = server.pipeline(&old).unwrap();
            assert!(ended.stop == StopMode::None, "it is meant to run");
            let prepared = prepared(server.clone(), &old, &Shutdown::new(), plain()).await;
            let stopped = prepared.stop_old().await.unwrap();
            assert_eq!(server.pipeline(&old).as_ref(), Some(&ended));
            if rolls_back {
                let _back = stopped.roll_back().await.unwrap();
                assert_eq!(server.pipelines(), [ended]);
                // The same from another process.
                rerun(&server, &old).await.unwrap();
            } else {
                let started = stopped.start_new().await.unwrap();
                let _running = started.prove().await.unwrap().commit().await.unwrap();
            }
            assert_eq!(running_names(&server), ["new"]);
            assert_eq!(server.pipelines().len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_one_that_finishes_meanwhile_is_not_started_again() {
    for stops in [false, true] {
        let (server, old) = server_with_old().await;
        server.set_workers(NEW, failing());
        let prepared = prepared(server.clone(), &old, &Shutdown::new(), plain()).await;
        server.finish(&old);
        if stops {
            let error = prepared.run().await.unwrap_err();
            assert_eq!(error.code(), "replacement.rolled_back", "{error:?}");
            assert_eq!(error.meant_to_run(), Some(MeantToRun::Neither));
        } else {
            tokio::time::sleep(seconds(2)).await;
            let _back = prepared.roll_back().await.unwrap();
        }
        assert_eq!(server.pipeline(&old).unwrap().state, JobState::Finished);
        assert_eq!(server.pipelines().len(), 1);
    }
}

/// Right after a create, a server can show no job yet.
#[tokio::test(start_paused = true)]
async fn an_old_one_that_shows_no_job_has_not_ended() {
    let (server, old) = server_with_old().await;
    let jobs = format!("/api/v1/pipelines/{old}/jobs");
    let asked = AtomicUsize::new(0);
    let hooked = Hooked::new(&server, move |request, _| {
        let is_early = request.uri().path() == jobs && asked.fetch_add(1, Ordering::Relaxed) < 3;
        if is_early {
            Course::Answered(200, r#"{"data": []}"#)
        } else {
            Course::Pass
        }
    });
    let prepared = prepared(hooked, &old, &Shutdown::new(), plain()).await;
    let stopped = prepared.stop_old().await.unwrap();
    assert!(running_names(&server).is_empty());
    let _back = stopped.roll_back().await.unwrap();
    assert_eq!(running_names(&server), ["old"]);
}

/// The old state shows for up to a tick after a start.
#[tokio::test(start_paused = true)]
async fn an_old_one_that_was_just_started_is_not_taken_for_ended() {
    let (server, old) = server_with_old().await;
    server.fail(&old, Failure::new("division by zero"));
    tokio::time::sleep(seconds(10)).await;
    let shutdown = Shutdown::new();
    let transport = server.clone().into_shared();
    let attached = attach(&transport, &old, &shutdown).await;
    let new = validated(server.clone(), new_spec(), &shutdown).await;
    let started = attached.start().await.unwrap();
    assert_eq!(server.pipeline(&old).unwrap().state, JobState::Failed);
    let prepared = new.replace(started, plain()).await.unwrap();
    let stopped = prepared.stop_old().await.unwrap();
    let held = server.pipeline(&old).unwrap();
    assert_eq!((held.state, held.final_checkpoints), (JobState::Stopped, 1));
    let _started = stopped.start_new().await.unwrap();
    assert_eq!(running_names(&server), ["new"]);
}

/// The server holds a pipeline of another query under the id that the new one was to get.
#[tokio::test(start_paused = true)]
async fn an_id_that_another_client_takes_meanwhile_does_not_keep_the_old_one_down() {
    let (server, old) = server_with_old().await;
    let identity = Identity::Given(PipelineId::new("chosen").unwrap());
    let given = |query| {
        let spec = stepwell::PipelineSpec::builder(query).name("new");
        spec.identity(identity.clone()).build().unwrap()
    };
    let shutdown = Shutdown::new();
    let new = validated(server.clone(), given(NEW), &shutdown).await;
    let attached = attach(&server.clone().into_shared(), &old, &shutdown).await;
    let prepared = new.replace(attached, plain()).await.unwrap();
    let stopped = prepared.stop_old().await.unwrap();
    let other = start(&server, given("INSERT INTO archive SELECT 1 FROM clicks")).await;
    let (error, stopped) = stopped.start_new().await.unwrap_err().into_parts();
    assert_eq!(told(&error).0, "resolve.conflict");
    let _back = stopped.roll_back().await.unwrap();
    assert_eq!(running_names(&server), ["old", "new"]);

    // A rerun finds the old one stopped, and the id taken.
    server.stop(&old, &StopMode::Checkpoint);
    tokio::time::sleep(seconds(3)).await;
    let shutdown = Shutdown::new();
    let resumed = Replacement::resume(
        server.clone(),
        old.clone(),
        given(NEW),
        &shutdown,
        options(),
        plain(),
    );
    let error = resumed.await.unwrap().run().await.unwrap_err();
    assert_eq!(error.code(), "replacement.rolled_back", "{error:?}");
    assert_eq!(server.pipeline(&old).unwrap().stop, StopMode::None);
    assert!(server.pipeline(&other).is_some());
}

/// What keeps the new one from being resolved does not keep the old one down: a rerun puts it back.
#[tokio::test(start_paused = true)]
async fn a_rerun_that_cannot_resolve_the_new_one_puts_the_old_one_back() {
    for finishes in [false, true] {
        let (server, old) = server_with_old().await;
        let prepared = prepared(server.clone(), &old, &Shutdown::new(), plain()).await;
        let stopped = prepared.stop_old().await.unwrap();
        let code = if finishes {
            let started = stopped.start_new().await.unwrap();
            tokio::time::sleep(seconds(2)).await;
            server.finish(started.new_id().unwrap());
            tokio::time::sleep(seconds(2)).await;
            drop(started);
            "resolve.finished"
        } else {
            drop(stopped);
            start(
                &server,
                spec("another", "INSERT INTO archive SELECT 1 FROM clicks"),
            )
            .await;
            "resolve.other_pipelines"
        };
        let error = replacement_error(rerun(&server, &old).await.unwrap_err());
        assert_eq!(error.code(), "replacement.rolled_back", "{error:?}");
        assert_eq!(told(&error), (code, Some(MeantToRun::Old)));
        assert_eq!(running_names(&server)[0], "old");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_one_that_finishes_takes_nobodys_place() {
    let (server, old) = server_with_old().await;
    let after = seconds(3);
    server.set_workers(NEW, workers().with_end(RunEnd::Finished { after }));
    for _ in 0..2 {
        let error = replacement_error(rerun(&server, &old).await.unwrap_err());
        assert_eq!(told(&error), ("wait.finished", Some(MeantToRun::Old)));
        assert_eq!(running_names(&server), ["old"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_one_that_was_there_before_is_stopped_by_a_roll_back_and_not_deleted() {
    for step in 0..3 {
        let (server, old) = server_with_old().await;
        let new = start(&server, new_spec()).await;
        let prepared = prepared(server.clone(), &old, &Shutdown::new(), plain()).await;
        let _back = match step {
            0 => prepared.roll_back().await.unwrap(),
            1 => prepared
                .stop_old()
                .await
                .unwrap()
                .roll_back()
                .await
                .unwrap(),
            _ => {
                let stopped = prepared.stop_old().await.unwrap();
                stopped
                    .start_new()
                    .await
                    .unwrap()
                    .roll_back()
                    .await
                    .unwrap()
            }
        };
        assert_eq!(running_names(&server), ["old"], "step {step}");
        assert_eq!(server.pipeline(&new).unwrap().state, JobState::Stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_spec_that_asks_for_the_old_one_by_its_id_is_refused() {
    let (server, old) = server_with_old().await;
    let shutdown = Shutdown::new();
    let attached = attach(&server.clone().into_shared(), &old, &shutdown).await;
    let asks = new_spec().to_builder().intent(Intent::Resume(old.clone()));
    let asks = asks.build().unwrap();
    let new = validated(server.clone(), asks, &shutdown).await;
    let error = new
        .replace(attached, plain())
        .await
        .unwrap_err()
        .into_error();
    assert!(
        matches!(error, ReplacementError::SamePipeline { .. }),
        "{error:?}"
    );
    assert_eq!(running_names(&server), ["old"]);
}

/// The create arrives only after its connection was closed.
#[tokio::test(start_paused = true)]
async fn while_a_create_is_in_doubt_the_old_one_is_not_started() {
    for generation in [Generation::V0_16, Generation::V0_15(Scheduler::Process)] {
        let (server, old) = server_of_with_old(generation).await;
        let late = seconds(40);
        let is_first = AtomicBool::new(true);
        let hooked = Hooked::new(&server, move |request, _| {
            if !creates(request)
                || generation != Generation::V0_16 && *request.method() == Method::PUT
            {
                Course::Pass
            } else if is_first.swap(false, Ordering::Relaxed) {
                Course::Late(late)
            } else {
                // What is repeated under its id does not arrive.
                Course::Late(seconds(100_000))
            }
        });
        let shutdown = Shutdown::new();
        let options = plain().with_without_checkpoint(true);
        let prepared = prepared(hooked, &old, &shutdown, options).await;
        let stopped = prepared.stop_old().await.unwrap();
        let (error, stopped) = stopped.start_new().await.unwrap_err().into_parts();
        assert_eq!(
            told(&error),
            ("resolve.outcome_unknown", Some(MeantToRun::Unknown)),
            "{error:?}"
        );
        let (error, rolling) = stopped.roll_back().await.unwrap_err().into_parts();
        assert!(
            matches!(error, ReplacementError::NewInDoubt { .. }),
            "{error:?}"
        );
        assert!(running_names(&server).is_empty());
        tokio::time::sleep(late).await;
        assert_eq!(running_names(&server), ["new"]);
        let _back = rolling.roll_back().await.unwrap();
        assert_eq!(running_names(&server), ["old"]);
        // What this process may have created is reported once, as what it is.
        let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
        let ids: std::collections::HashSet<_> = report.entries.iter().map(|e| &e.id).collect();
        assert_eq!(ids.len(), report.entries.len(), "{report}");
        assert_eq!(running_names(&server), ["old"]);
    }
}

/// A submission that was dropped in its create leaves it with the shutdown.
#[tokio::test(start_paused = true)]
async fn a_roll_back_settles_the_create_of_a_replacement_that_was_dropped() {
    for generation in [Generation::V0_16, Generation::V0_15(Scheduler::Process)] {
        let (server, old) = server_of_with_old(generation).await;
        let is_first = AtomicBool::new(true);
        let hooked = Hooked::new(&server, move |request, _| {
            let is_a_create = creates(request)
                && (generation == Generation::V0_16 || *request.method() == Method::POST);
            if is_a_create && is_first.swap(false, Ordering::Relaxed) {
                Course::Late(seconds(60))
            } else if is_a_create {
                Course::Late(seconds(100_000))
            } else {
                Course::Pass
            }
        });
        let shutdown = Shutdown::new();
        let options = plain().with_without_checkpoint(true);
        let first = prepared(hooked.clone(), &old, &shutdown, options.clone()).await;
        let stopped = first.stop_old().await.unwrap();
        // Its caller is gone while the create is under way.
        let dropped = tokio::time::timeout(seconds(2), stopped.start_new()).await;
        assert!(dropped.is_err());
        let resumed = Replacement::resume(
            hooked,
            old.clone(),
            new_spec(),
            &shutdown,
            crate::support::options(),
            options,
        );
        let ReplacementResumed::OldStopped(stopped) = resumed.await.unwrap() else {
            panic!("the old one was stopped");
        };
        let (error, rolling) = stopped.roll_back().await.unwrap_err().into_parts();
        assert!(
            matches!(error, ReplacementError::NewInDoubt { .. }),
            "{error:?}"
        );
        assert!(running_names(&server).is_empty());
        tokio::time::sleep(seconds(60)).await;
        assert_eq!(running_names(&server), ["new"]);
        let _back = rolling.roll_back().await.unwrap();
        assert_eq!(running_names(&server), ["old"]);
    }
}

/// A server that was broken off in a create holds the id without showing a pipeline.
#[tokio::test(start_paused = true)]
async fn a_burnt_id_is_freed_by_a_roll_back() {
    let (server, old) = server_with_old().await;
    let burnt = Arc::new(AtomicBool::new(true));
    let holds = Arc::clone(&burnt);
    let hooked = Hooked::new(&server, move |request, _| {
        let is_of_new =
            request.uri().path() == format!("/api/v1/pipelines/{}", new_spec().id().unwrap());
        match request.method().as_str() {
            _ if !is_of_new || !holds.load(Ordering::Relaxed) => Course::Pass,
            "PUT" => Course::Answered(400, r#"{"error": "duplicate"}"#),
            "DELETE" => {
                holds.store(false, Ordering::Relaxed);
                Course::Answered(200, "")
            }
            _ => Course::Answered(404, r#"{"error": "Pipeline not found"}"#),
        }
    });
    let shutdown = Shutdown::new();
    let prepared = prepared(hooked, &old, &shutdown, plain()).await;
    let stopped = prepared.stop_old().await.unwrap();
    let (error, stopped) = stopped.start_new().await.unwrap_err().into_parts();
    assert_eq!(told(&error), ("resolve.burnt", Some(MeantToRun::Neither)));
    let _back = stopped.roll_back().await.unwrap();
    assert!(!burnt.load(Ordering::Relaxed), "the id was freed");
    assert_eq!(running_names(&server), ["old"]);
}

/// The old one may be deleted yet, and then the new one is the only one.
#[tokio::test(start_paused = true)]
async fn a_roll_back_after_a_commit_in_doubt_does_not_delete_the_new_one() {
    let (server, old) = server_with_old().await;
    let hooked = Hooked::new(&server, |request, _| {
        if *request.method() == Method::DELETE {
            Course::Late(seconds(100_000))
        } else {
            Course::Pass
        }
    });
    let prepared = prepared(hooked, &old, &Shutdown::new(), plain()).await;
    let started = prepared
        .stop_old()
        .await
        .unwrap()
        .start_new()
        .await
        .unwrap();
    let proved = started.prove().await.unwrap();
    let new = proved.new_id().unwrap().clone();
    let (error, proved) = proved.commit().await.unwrap_err().into_parts();
    assert_eq!(
        told(&error),
        ("delete.outcome_unknown", Some(MeantToRun::New)),
        "{error:?}"
    );
    let _back = proved.roll_back().await.unwrap();
    assert_eq!(running_names(&server), ["old"]);
    assert_eq!(server.pipeline(&new).unwrap().state, JobState::Stopped);
    rerun(&server, &old).await.unwrap();
    assert_eq!(running_names(&server), ["new"]);
}

/// The writes of a roll-back fail one after the other, and each next one goes on.
#[tokio::test(start_paused = true)]
async fn a_roll_back_that_fails_halfway_goes_on_when_it_is_called_again() {
    for step in 0..3 {
        for failing_at in 0..14 {
            let (server, old) = server_with_old().await;
            let fails = Arc::new(AtomicBool::new(false));
            let (is_on, count) = (Arc::clone(&fails), AtomicUsize::new(0));
            let hooked = Hooked::new(&server, move |_, _| {
                let counts = is_on.load(Ordering::Relaxed);
                if counts && count.fetch_add(1, Ordering::Relaxed) >= failing_at {
                    Course::Answered(401, r#"{"error": "no"}"#)
                } else {
                    Course::Pass
                }
            });
            let prepared = prepared(hooked, &old, &Shutdown::new(), plain()).await;
            let stopped = prepared.stop_old().await.unwrap();
            let failed = if step == 0 {
                fails.store(true, Ordering::Relaxed);
                stopped.roll_back().await
            } else {
                let started = stopped.start_new().await.unwrap();
                if step == 1 {
                    fails.store(true, Ordering::Relaxed);
                    started.roll_back().await
                } else {
                    let proved = started.prove().await.unwrap();
                    fails.store(true, Ordering::Relaxed);
                    proved.roll_back().await
                }
            };
            fails.store(false, Ordering::Relaxed);
            let told = format!("step {step}, from request {failing_at} on");
            if let Err(failure) = failed {
                let names = running_names(&server);
                let is_true = match failure.error().meant_to_run() {
                    Some(MeantToRun::Old) => names == ["old"],
                    Some(MeantToRun::New) => names == ["new"],
                    Some(MeantToRun::Neither) => names.is_empty(),
                    _ => names.len() < 2,
                };
                assert!(is_true, "{told}: {names:?}: {}", Chain(failure.error()));
                let _back = failure.into_replacement().roll_back().await.unwrap();
            }
            assert_eq!(running_names(&server), ["old"], "{told}");
            assert_eq!(server.pipelines().len(), 1, "{told}");
        }
    }
}

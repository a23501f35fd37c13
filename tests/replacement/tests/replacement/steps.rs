//! Each step by itself.

use stepwell::{
    JobState, OnShutdown, Shutdown, StopPolicy, Submission,
    error::{MeantToRun, ReplacementError},
    shutdown::ShutdownEnd,
    transport::Transport as _,
};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn the_happy_path_stops_starts_proves_and_deletes_in_this_order() {
    let (server, old) = server_with_old().await;
    let shutdown = Shutdown::new();
    let prepared = prepared(server.clone(), &old, &shutdown, plain()).await;
    assert_eq!((prepared.old_id(), prepared.new_id()), (&old, None));
    assert_eq!(running_names(&server), ["old"]);
    let stopped = prepared.stop_old().await.unwrap();
    assert_eq!(server.pipeline(&old).unwrap().final_checkpoints, 1);
    assert!(running_names(&server).is_empty());
    let started = stopped.start_new().await.unwrap();
    assert_eq!(running_names(&server), ["new"]);
    let began = tokio::time::Instant::now();
    let proved = started.prove().await.unwrap();
    assert!(began.elapsed() >= seconds(6));
    assert!(server.pipeline(&old).is_some());
    let running = proved.commit().await.unwrap();
    assert!(server.pipeline(&old).is_none());

    // The shutdown has one pipeline, once.
    assert_eq!(shutdown.pipelines().len(), 1);
    let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
    assert_eq!(report.entries.len(), 1, "{report}");
    assert_eq!(report.entries[0].id.as_ref(), Some(running.id()));
}

#[tokio::test(start_paused = true)]
async fn the_old_one_can_be_kept_and_can_be_one_that_has_ended() {
    let (server, old) = server_with_old().await;
    server.stop(&old, &stepwell::StopMode::Immediate);
    tokio::time::sleep(seconds(2)).await;
    let keep = plain().with_keep_old(true);
    let prepared = prepared(server.clone(), &old, &Shutdown::new(), keep).await;
    let running = prepared.run().await.unwrap();
    assert_eq!(running.name(), "new");
    assert_eq!(server.pipeline(&old).unwrap().state, JobState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn each_state_rolls_back_and_puts_the_old_one_back_as_it_was_found() {
    for ran in [true, false] {
        for step in 0..4 {
            let (server, old) = server_with_old().await;
            if !ran {
                server.stop(&old, &stepwell::StopMode::Immediate);
                tokio::time::sleep(seconds(2)).await;
            }
            let shutdown = Shutdown::new();
            let prepared = prepared(server.clone(), &old, &shutdown, plain()).await;
            let back = match step {
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
                    let started = stopped.start_new().await.unwrap();
                    if step == 2 {
                        started.roll_back().await.unwrap()
                    } else {
                        let proved = started.prove().await.unwrap();
                        proved.roll_back().await.unwrap()
                    }
                }
            };
            let names = running_names(&server);
            if ran {
                assert_eq!(names, ["old"], "step {step}");
                let running = back.wait_until_running().await.unwrap();
                assert_eq!(running.name(), "old");
            } else {
                assert!(names.is_empty(), "step {step}: {names:?}");
            }
            // What was created here is gone.
            assert_eq!(server.pipelines().len(), 1, "step {step}");
            // It was not started here, so it is left.
            let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
            let ends = report.entries.iter().map(|entry| &entry.end);
            assert!(
                ends.clone().all(|end| matches!(end, ShutdownEnd::Left)),
                "{report}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_spec_that_finds_the_old_one_is_refused_before_anything_is_touched() {
    let (server, old) = server_with_old().await;
    let shutdown = Shutdown::new();
    let transport = server.clone().into_shared();
    for spec in [
        spec("renamed", OLD),
        stepwell::PipelineSpec::builder(NEW)
            .identity(stepwell::spec::Identity::Given(old.clone()))
            .build()
            .unwrap(),
    ] {
        let new = validated(server.clone(), spec, &shutdown).await;
        let attached = attach(&transport, &old, &shutdown).await;
        let failure = new.replace(attached, plain()).await;
        let (error, ..) = failure.unwrap_err().into_parts();
        assert!(
            matches!(error, ReplacementError::SamePipeline { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("use `update`"), "{error}");
    }
    let other = validated(server.clone(), new_spec(), &Shutdown::new()).await;
    let attached = attach(&transport, &old, &shutdown).await;
    let failure = other.replace(attached, plain()).await;
    let error = failure.unwrap_err().into_error();
    assert!(matches!(error, ReplacementError::Apart { .. }), "{error:?}");
    assert_eq!(running_names(&server), ["old"]);
}

#[tokio::test(start_paused = true)]
async fn other_pipelines_are_told_of_before_anything_is_touched() {
    let (server, old) = server_with_old().await;
    start(
        &server,
        spec("another", "INSERT INTO archive SELECT 1 FROM clicks"),
    )
    .await;
    let shutdown = Shutdown::new();
    let new = validated(server.clone(), new_spec(), &shutdown).await;
    let attached = attach(&server.clone().into_shared(), &old, &shutdown).await;
    let failure = new.replace(attached, plain()).await;
    let error = failure.unwrap_err().into_error();
    assert_eq!(error.meant_to_run(), Some(MeantToRun::Old));
    let step = error.step_error().unwrap();
    assert_eq!(step.code(), "resolve.other_pipelines");
    // Only the third one is another.
    assert!(step.to_string().contains("1 other pipeline,"), "{step}");
    assert_eq!(running_names(&server).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_final_checkpoint_it_goes_on_only_if_that_is_allowed() {
    for allowed in [false, true] {
        let (server, old) = server_with_old().await;
        let options = plain()
            .with_stop_policy(
                StopPolicy::builder()
                    .mode(stepwell::StopMode::Immediate)
                    .build(),
            )
            .with_without_checkpoint(allowed);
        let prepared = prepared(server.clone(), &old, &Shutdown::new(), options).await;
        let stopped = prepared.stop_old().await;
        if allowed {
            let _ = stopped.unwrap();
            continue;
        }
        let (error, prepared) = stopped.unwrap_err().into_parts();
        assert!(
            matches!(
                error,
                ReplacementError::NoFinalCheckpoint { is_known: true, .. }
            ),
            "{error:?}"
        );
        // Stopped by now, it is not taken for one that was found so.
        let (again, prepared) = prepared.stop_old().await.unwrap_err().into_parts();
        assert_eq!(again.to_string(), error.to_string());
        let _back = prepared.roll_back().await.unwrap();
        assert_eq!(running_names(&server), ["old"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_roll_back_goes_on_while_a_shutdown_drains_and_not_once_it_stops() {
    for drains in [true, false] {
        let (server, old) = server_with_old().await;
        let shutdown = Shutdown::new();
        let prepared = prepared(server.clone(), &old, &shutdown, plain()).await;
        let stopped = prepared.stop_old().await.unwrap();
        if drains {
            shutdown.drain(seconds(10)).await.unwrap();
            let _back = stopped.roll_back().await.unwrap();
            assert_eq!(running_names(&server), ["old"]);
        } else {
            shutdown.begin();
            let error = stopped.roll_back().await.unwrap_err().into_error();
            assert_eq!(error.meant_to_run(), Some(MeantToRun::Neither), "{error:?}");
            assert!(running_names(&server).is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_new_one_inherits_what_a_shutdown_does_to_the_old_one() {
    let (server, old) = server_with_old().await;
    let shutdown = Shutdown::new();
    let leave = options().with_on_shutdown(OnShutdown::Leave);
    let attached = Submission::attach(server.clone(), old, &shutdown, leave);
    let attached = attached.await.unwrap();
    let new = validated(server.clone(), new_spec(), &shutdown).await;
    let prepared = new.replace(attached, plain()).await;
    let running = prepared.unwrap().run().await.unwrap();
    let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
    assert!(
        matches!(report.entries[0].end, ShutdownEnd::Left),
        "{report}"
    );
    assert_eq!(
        server.pipeline(running.id()).unwrap().state,
        JobState::Running
    );
}

#[tokio::test(start_paused = true)]
async fn what_fails_says_why_and_what_is_meant_to_run() {
    let (server, old) = server_with_old().await;
    server.set_workers(NEW, failing());
    let prepared = prepared(server.clone(), &old, &Shutdown::new(), plain()).await;
    let error = prepared.run().await.unwrap_err();
    assert_eq!(error.code(), "replacement.rolled_back");
    assert_eq!(error.meant_to_run(), Some(MeantToRun::Old));
    assert_eq!(error.step_error().unwrap().code(), "wait.failed");
    let text = stepwell::error::Chain(&error).to_string();
    assert!(text.contains("division by zero"), "{text}");
    assert_eq!(running_names(&server), ["old"]);
    assert_eq!(server.pipelines().len(), 1);
}

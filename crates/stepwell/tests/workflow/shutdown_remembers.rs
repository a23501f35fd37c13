//! What a shutdown remembers of its pipelines when submissions end, are dropped, or are made again.

use serde_json::json;
use stepwell::{
    JobState, OnShutdown, Outcome, Shutdown, Submission,
    error::{ResolveError, WaitError},
    shutdown::ShutdownEnd,
    transport::{FakeTransport, http::Method},
};

use crate::{shutdown_create::server_assigned, support::*};

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_ran_again_after_its_end_was_seen_is_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options()
        .with_on_shutdown(OnShutdown::Stop)
        .under(&shutdown);
    let validated = validated_with(fake.clone(), &fake, chosen("pl_1"), options).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let registered = validated.resolve().await.unwrap().register();
    shows(&fake, &[job("Failed")]);
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/errors?")
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    let (error, registered) = wait_error(registered.wait_until_running().await);
    assert!(matches!(error, WaitError::Failed { .. }), "{error:?}");
    // Another client restarts it.
    shows(&fake, &[job("Running").with("run_id", json!(2))]);
    let _running = registered.wait_until_running().await.unwrap();
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_submissions_of_one_pipeline_are_one_entry() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY))
        .always();
    let attach = || Submission::attach(fake.clone(), id("pl_1"), &shutdown, options());
    for _ in 0..1_000 {
        drop(attach().await.unwrap());
    }
    assert_eq!(shutdown.pipelines().len(), 1);
    let _kept = attach().await.unwrap();
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::Left),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_one_submission_leaves_and_another_stops_is_reported_once_as_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let mut kept = Vec::new();
    for on_shutdown in [OnShutdown::Leave, OnShutdown::Stop] {
        fake.expect(Method::GET, path("pl_1"))
            .reply_json(200, &pipeline("pl_1", QUERY));
        let options = options().with_on_shutdown(on_shutdown);
        let attached = Submission::attach(fake.clone(), id("pl_1"), &shutdown, options);
        kept.push(attached.await.unwrap());
    }
    expect_stop(&fake, "pl_1");
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert_eq!(report.entries.len(), 1, "{report}");
    assert_stopped(&report, "pl_1");
}

#[tokio::test(start_paused = true)]
async fn what_is_detached_after_the_shutdown_has_begun_is_listed_as_left() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options().with_on_shutdown(OnShutdown::Stop);
    let running = running(&fake, options.under(&shutdown)).await;
    shutdown.begin();
    let _ = running.detach();
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::Left),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_another_client_made_anew_under_its_id_is_not_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options().with_on_shutdown(OnShutdown::Stop);
    let _running = running(&fake, options.under(&shutdown)).await;
    fake.jobs("pl_1", job("Running").with("id", json!("job_2")));
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::Deleted),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_restart_leaves_nothing_to_stop() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options()
        .with_on_shutdown(OnShutdown::Stop)
        .under(&shutdown);
    let validated = validated_with(fake.clone(), &fake, spec(), options).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Failed"));
    fake.expect(Method::POST, RESTART)
        .reply_json(400, &json!({"error": "this job cannot be restarted"}));
    let _ = validated.resolve().await.unwrap_err();
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(report.entries.is_empty(), "{report}");
}

/// A 404 after a request whose reply was lost does not say that this has started nothing.
#[tokio::test(start_paused = true)]
async fn a_pipeline_that_is_missing_after_a_resume_in_doubt_stays_with_the_shutdown() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = validated_with(fake.clone(), &fake, spec(), options().under(&shutdown)).await;
    fake.list(&[pipeline("pl_1", QUERY).with("stop", json!("checkpoint"))]);
    fake.jobs("pl_1", undesired("Stopped"));
    fake.expect(Method::PATCH, path("pl_1")).lost();
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    let (error, _validated) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Vanished { .. }), "{error:?}");
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

/// It may have been a node that lags behind, and the patch before it may have started the job: another client may have restarted it.
#[tokio::test(start_paused = true)]
async fn a_pipeline_that_a_patch_has_started_stays_with_the_shutdown_though_its_restart_fails() {
    let (gone, refused) = ("Pipeline not found", "this job cannot be restarted");
    for (status, words) in [(404, gone), (400, refused)] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let under = options().under(&shutdown);
        let validated = validated_with(fake.clone(), &fake, spec(), under).await;
        fake.list(&[pipeline("pl_1", QUERY).with("stop", json!("checkpoint"))]);
        fake.jobs("pl_1", undesired("Failed"));
        fake.patch("pl_1", json!({"stop": "none"}));
        fake.expect(Method::POST, RESTART)
            .reply_json(status, &json!({"error": words}));
        let _ = validated.resolve().await.unwrap_err();
        expect_stop(&fake, "pl_1");
        assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
    }
}

/// The first patch after a restart restarts the job once more, if need be when the run has failed.
#[tokio::test(start_paused = true)]
async fn a_failed_job_that_was_patched_and_is_meant_to_run_stays_with_the_shutdown() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let under = options().under(&shutdown);
    let validated = validated_with(fake.clone(), &fake, spec(), under).await;
    fake.list(&[pipeline("pl_1", QUERY).with("stop", json!("checkpoint"))]);
    fake.jobs("pl_1", undesired("Stopped"));
    fake.patch("pl_1", json!({"stop": "none"}));
    let registered = validated.resolve().await.unwrap().register();
    fake.jobs("pl_1", job("Failed").with("run_id", json!(2)));
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/errors?")
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    let (error, _registered) = wait_error(registered.wait_until_running().await);
    assert!(matches!(error, WaitError::Failed { .. }), "{error:?}");
    // It runs again by itself.
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

/// The first create is under way, or in doubt, when its submission is dropped and the spec is submitted again.
#[tokio::test(start_paused = true)]
async fn a_spec_that_is_submitted_again_takes_over_the_create_that_its_first_submission_has_left() {
    for is_answered in [true, false] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let under = || options().under(&shutdown);
        let first = validated_with(fake.clone(), &fake, server_assigned(), under()).await;
        fake.list(&[]);
        let create = fake.expect(Method::POST, PIPELINES).delay(seconds(2));
        if is_answered {
            create.reply_json(200, &pipeline("pl_1", QUERY));
        } else {
            create.lost();
        }
        let dropped = tokio::time::timeout(seconds(1), first.resolve()).await;
        assert!(dropped.is_err());
        fake.ping();
        fake.validation();
        fake.list(&[pipeline("pl_1", QUERY)]);
        fake.jobs("pl_1", job("Running"));
        fake.jobs("pl_1", job("Running"));
        let second = submission_with(fake.clone(), server_assigned(), under());
        let Outcome::Running(running) = second.run().await.unwrap() else {
            panic!("it has not finished");
        };
        assert_eq!(running.job().state, JobState::Running);
        assert_eq!(creates(&fake), 1);
        expect_stop(&fake, "pl_1");
        assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
    }
}

/// What is left of a submission that has seen the end, and whose delete is on its way, says nothing of a later start.
#[tokio::test(start_paused = true)]
async fn a_delete_on_its_way_does_not_stand_for_a_pipeline_that_was_started_since() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let start = || {
        shows_both(&fake, undesired("Stopped"), "checkpoint");
        fake.patch("pl_1", json!({"stop": "none"}));
    };
    let first = attached(&fake, options().under(&shutdown)).await;
    start();
    let first = first.start().await.unwrap();
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    let first = first.stop().await.unwrap();
    shows(&fake, &[undesired("Stopped")]);
    fake.expect(Method::DELETE, path("pl_1"))
        .delay(seconds(1))
        .reply_json(400, &json!({"error": "it runs"}));
    let dropped = tokio::time::timeout(millis(500), first.delete()).await;
    assert!(dropped.is_err());

    let second = attached(&fake, options().under(&shutdown)).await;
    start();
    drop(second.start().await.unwrap());
    tokio::time::sleep(seconds(1)).await;
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
    fake.finish();
}

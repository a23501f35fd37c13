use serde_json::{Value, json};
use stepwell::{
    OnShutdown, PipelineSpec, Shutdown, StopMode, StopPolicy,
    shutdown::{Escalation, ShutdownEnd},
    spec::Identity,
    transport::{
        FakeTransport, SharedTransport,
        http::{HeaderValue, Method, header::RETRY_AFTER},
    },
};
use tokio::time::Instant;

use crate::support::*;

/// A pipeline that was found Running, with this option.
async fn found(fake: &FakeTransport, shutdown: &Shutdown, on_shutdown: OnShutdown, job: Value) {
    let options = options().with_on_shutdown(on_shutdown).under(shutdown);
    let validated = validated_with(fake.clone(), fake, spec(), options).await;
    let stop = if job["running_desired"] == json!(true) {
        "none"
    } else {
        "checkpoint"
    };
    fake.list(&[pipeline("pl_1", QUERY).with("stop", json!(stop))]);
    fake.jobs("pl_1", job);
    fake.expect(Method::PATCH, path("pl_1"))
        .with_json(json!({"stop": "none"}))
        .reply(200, "")
        .times(usize::from(stop != "none"));
    let _ = resumed(validated.resolve().await.unwrap()).register();
}

#[tokio::test(start_paused = true)]
async fn who_started_a_run_and_the_option_decide_what_is_stopped() {
    for (on_shutdown, job, stopped) in [
        (OnShutdown::StopIfStartedHere, job("Running"), false),
        (OnShutdown::StopIfStartedHere, undesired("Stopped"), true),
        (OnShutdown::Stop, job("Running"), true),
        (OnShutdown::Leave, undesired("Stopped"), false),
    ] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        found(&fake, &shutdown, on_shutdown, job).await;
        if stopped {
            expect_stop(&fake, "pl_1");
            assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
        } else {
            let report = shutdown.stop_all(policy()).await.unwrap();
            assert!(
                matches!(report.entries[0].end, ShutdownEnd::Left),
                "{report}"
            );
            assert_eq!(
                report.to_string(),
                "pipeline \"orders\" (pl_1) was left as it is"
            );
        }
        // A second shutdown does not settle it again.
        assert!(
            shutdown
                .stop_all(policy())
                .await
                .unwrap()
                .entries
                .is_empty()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn everything_under_one_shutdown_is_stopped_at_once_and_one_failure_does_not_hide_the_rest() {
    let fake = FakeTransport::any_order();
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    for number in 0..3 {
        let name = format!("pl-{number}");
        let spec = PipelineSpec::builder(format!("SELECT {number}"))
            .name(&name)
            .identity(Identity::Given(id(&name)))
            .build()
            .unwrap();
        let options = options().under(&shutdown);
        let validated = validated_with(transport.clone(), &fake, spec, options).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path(&name)).reply_json(
            200,
            &pipeline(&name, &format!("SELECT {number}")).with("name", json!(name)),
        );
        let _ = created(validated.resolve().await.unwrap()).register();
        if number == 1 {
            fake.jobs(&name, job("Running"));
            fake.expect(
                Method::GET,
                format!("{}/job_1/checkpoints", jobs_path(&name)),
            )
            .reply_json(200, &json!({"data": []}));
            fake.patch(&name, json!({"stop": "checkpoint"}));
            fake.expect(Method::GET, jobs_path(&name))
                .reply_json(
                    200,
                    &json!({"data": [undesired("CheckpointStopping").with("pipeline_id", json!(name))]}),
                )
                .always();
        } else {
            expect_stop(&fake, &name);
        }
    }
    let started = Instant::now();
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(started.elapsed() <= seconds(31), "{:?}", started.elapsed());
    let ends: Vec<_> = error
        .report
        .entries
        .iter()
        .map(|entry| {
            (
                entry.name.as_str(),
                matches!(entry.end, ShutdownEnd::Ended { .. }),
            )
        })
        .collect();
    assert_eq!(ends, [("pl-0", true), ("pl-1", false), ("pl-2", true)]);
    assert_eq!(error.report.unsettled().count(), 1);
    assert!(
        error
            .to_string()
            .contains("last seen in CheckpointStopping"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_escalated_that_was_not_asked_for_and_force_waits_for_the_checkpoint_to_end() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    fake.jobs("pl_1", job("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let shown = fake
        .expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": [undesired("CheckpointStopping")]}))
        .always();
    fake.patch("pl_1", json!({"stop": "immediate"}));
    fake.patch("pl_1", json!({"stop": "force"}));
    fake.checkpoints(&[]);
    let policy = StopPolicy::builder()
        .deadline(seconds(60))
        .escalate(Escalation::new(seconds(20), StopMode::Force))
        .escalate(Escalation::new(seconds(10), StopMode::Immediate))
        .build();
    let stops = || count(&fake, &Method::PATCH, |_| true);
    let (report, ()) = tokio::join!(shutdown.stop_all(policy), async {
        tokio::time::sleep(seconds(9)).await;
        assert_eq!(stops(), 1);
        tokio::time::sleep(seconds(3)).await;
        assert_eq!(stops(), 2);
        tokio::time::sleep(seconds(18)).await;
        assert_eq!(stops(), 2, "force breaks a job in CheckpointStopping");
        let shown = shown.reply_json(200, &json!({"data": [undesired("Stopping")]}));
        tokio::time::sleep(seconds(1)).await;
        assert_eq!(stops(), 3);
        let _ = shown.reply_json(200, &json!({"data": [undesired("Stopped")]}));
    });
    let report = report.unwrap();
    assert!(
        matches!(
            report.entries[0].end,
            ShutdownEnd::Ended {
                final_checkpoint: Some(false),
                ..
            }
        ),
        "{report}"
    );
}

/// With the embedded scheduler a final checkpoint can hang, and the stop that frees the job ends it as Failed
/// (`110_stop_checkpoint_states`, `112_stop_immediate_states` of 0.15.0).
#[tokio::test(start_paused = true)]
async fn a_final_checkpoint_that_sticks_is_escalated_and_the_servers_words_are_in_the_report() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    fake.jobs("pl_1", job("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let shown = fake
        .expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": [undesired("CheckpointStopping")]}))
        .always();
    fake.patch("pl_1", json!({"stop": "immediate"}));
    fake.checkpoints(&[checkpoint(1, "stopping", false)]);
    let policy = StopPolicy::builder()
        .deadline(seconds(60))
        .escalate(Escalation::new(seconds(20), StopMode::Immediate))
        .build();
    let (report, ()) = tokio::join!(shutdown.stop_all(policy), async {
        tokio::time::sleep(seconds(22)).await;
        let shown = shown.reply_json(200, &json!({"data": [undesired("Stopping")]}));
        tokio::time::sleep(seconds(4)).await;
        // Releases up to 0.15 report a text in another field.
        let failed = undesired("Failed")
            .with("failure_message", json!("failed while stopping job"))
            .without("failure_reason");
        let _ = shown.reply_json(200, &json!({"data": [failed]}));
    });
    assert_eq!(
        report.unwrap().to_string(),
        "pipeline \"orders\" (pl_1) is Failed without a final checkpoint: failed while stopping job"
    );
}

/// A gateway without a server behind it may ask for a longer pause than the process has left.
#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_a_longer_pause_than_is_left_is_told_to_stop_in_time() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    fake.jobs("pl_1", job("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}))
        .reply(503, "")
        .header(RETRY_AFTER, HeaderValue::from(60));
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply(503, "")
        .header(RETRY_AFTER, HeaderValue::from(60));
    shows(&fake, &[undesired("Stopping"), undesired("Stopped")]);
    fake.checkpoints(&[checkpoint(1, "stopping", true)]);
    let report = shutdown.stop_all(policy()).await;
    assert_stopped(&report.unwrap(), "pl_1");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_a_pause_does_not_put_off_an_escalation() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    fake.jobs("pl_1", job("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply(503, "")
        .header(RETRY_AFTER, HeaderValue::from(60));
    fake.patch("pl_1", json!({"stop": "immediate"}));
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[checkpoint(1, "stopping", true)]);
    let policy = StopPolicy::builder()
        .deadline(seconds(600))
        .escalate(Escalation::new(seconds(3), StopMode::Immediate))
        .build();
    let started = Instant::now();
    assert_stopped(&shutdown.stop_all(policy).await.unwrap(), "pl_1");
    assert!(started.elapsed() < seconds(4), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_but_would_run_again_is_told_to_stop_too() {
    for state in ["Failed", "Finished"] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
        fake.jobs("pl_1", job(state));
        fake.checkpoints(&[]);
        fake.patch("pl_1", json!({"stop": "checkpoint"}));
        fake.jobs("pl_1", undesired(state));
        fake.checkpoints(&[]);
        let report = shutdown.stop_all(policy()).await.unwrap();
        assert!(
            matches!(&report.entries[0].end, ShutdownEnd::Ended { state: ended, .. } if ended.as_str() == state),
            "{report}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_was_deleted_meanwhile_is_reported_and_not_called_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    fake.unknown("pl_1");
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(error.to_string().contains("it was deleted"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_left_has_started_nothing() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options()
        .with_on_shutdown(OnShutdown::StopIfStartedHere)
        .with_resolve_timeout(seconds(2))
        .under(&shutdown);
    let validated = validated_with(fake.clone(), &fake, spec(), options).await;
    fake.list(&[pipeline("pl_1", QUERY).with("stop", json!("checkpoint"))]);
    fake.jobs("pl_1", undesired("Stopped"));
    fake.expect(Method::PATCH, path("pl_1")).refused().always();
    let _ = validated.resolve().await.unwrap_err();
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(report.entries[0].end, ShutdownEnd::Left),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stop_of_everything_can_be_taken_up_again() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    let shown = fake
        .expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": [job("Running")]}))
        .always();
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let cut = tokio::time::timeout(millis(500), shutdown.stop_all(policy())).await;
    assert!(cut.is_err());
    assert!(shutdown.is_begun());
    let _ = shown.reply_json(200, &json!({"data": [undesired("Stopped")]}));
    fake.checkpoints(&[checkpoint(6, "stopping", true)]);
    fake.expect(Method::GET, path("pl_1")).reply_json(
        200,
        &pipeline("pl_1", QUERY).with("stop", json!("checkpoint")),
    );
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

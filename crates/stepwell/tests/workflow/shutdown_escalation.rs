//! When a stop does not take effect: what is sent again, what is escalated, and when force must wait.

use serde_json::json;
use stepwell::{
    OnShutdown, Shutdown, StopMode, StopPolicy,
    shutdown::{Escalation, ShutdownEnd},
    transport::{
        FakeTransport,
        http::{HeaderValue, Method, header::RETRY_AFTER},
    },
};
use tokio::time::Instant;

use crate::{shutdown::found, support::*};

/// A pipeline that is Running when the shutdown looks, without a checkpoint yet.
async fn to_be_stopped(fake: &FakeTransport, shutdown: &Shutdown) {
    found(fake, shutdown, OnShutdown::Stop, job("Running")).await;
    fake.jobs("pl_1", job("Running"));
    fake.checkpoints(&[]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_escalated_that_was_not_asked_for_and_force_waits_for_the_checkpoint_to_end() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    to_be_stopped(&fake, &shutdown).await;
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let shown = shows_always(&fake, &undesired("CheckpointStopping"));
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
            only_entry(&report).end,
            ShutdownEnd::Ended {
                final_checkpoint: Some(false),
                ..
            }
        ),
        "{report}"
    );
}

/// The job may have reached CheckpointStopping since it was last seen.
#[tokio::test(start_paused = true)]
async fn force_is_not_sent_while_no_look_succeeds() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    to_be_stopped(&fake, &shutdown).await;
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let shown = shows_always(&fake, &undesired("Running"));
    fake.patch("pl_1", json!({"stop": "force"}));
    fake.checkpoints(&[]);
    let policy = StopPolicy::builder()
        .deadline(seconds(60))
        .escalate(Escalation::new(seconds(10), StopMode::Force))
        .build();
    let stops = || count(&fake, &Method::PATCH, |_| true);
    let (report, ()) = tokio::join!(shutdown.stop_all(policy), async {
        tokio::time::sleep(seconds(9)).await;
        let shown = shown.reply(503, "");
        tokio::time::sleep(seconds(9)).await;
        assert_eq!(stops(), 1, "nothing is known of the job");
        let shown = shown.reply_json(200, &json!({"data": [undesired("Stopping")]}));
        tokio::time::sleep(seconds(2)).await;
        assert_eq!(stops(), 2);
        let _ = shown.reply_json(200, &json!({"data": [undesired("Stopped")]}));
    });
    let _ = report.unwrap();
}

/// With the embedded scheduler a final checkpoint can hang, and the stop that frees the job ends it as Failed
/// (`110_stop_checkpoint_states`, `112_stop_immediate_states` of 0.15.0).
#[tokio::test(start_paused = true)]
async fn a_final_checkpoint_that_sticks_is_escalated_and_the_servers_words_are_in_the_report() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    to_be_stopped(&fake, &shutdown).await;
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let shown = shows_always(&fake, &undesired("CheckpointStopping"));
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
    to_be_stopped(&fake, &shutdown).await;
    fake.patch("pl_1", json!({"stop": "checkpoint"}))
        .reply(503, "")
        .header(RETRY_AFTER, HeaderValue::from(60));
    // The look before it is told again.
    shows(&fake, &[job("Running")]);
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
    to_be_stopped(&fake, &shutdown).await;
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply(503, "")
        .header(RETRY_AFTER, HeaderValue::from(60));
    // The failed look does not tell whose pipeline it is.
    shows(&fake, &[undesired("Running")]);
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

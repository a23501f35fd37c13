use serde_json::{Value, json};
use stepwell::{
    Error, JobState, StopMode, StopPolicy, Submission, TransitionError,
    error::StopError,
    state::Stopped,
    transport::{FakeTransport, Phase, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

pub(crate) fn stop_error<S: stepwell::state::State>(
    outcome: Result<Submission<Stopped>, TransitionError<S>>,
) -> (StopError, Submission<S>) {
    let (error, submission) = outcome.unwrap_err().into_parts();
    match error {
        Error::Stop { source } => (source, submission),
        other => panic!("not an error of stopping: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_told_once_and_awaited_and_says_whether_a_final_checkpoint_was_made() {
    let old = checkpoint(3, "stopping", true);
    for (after, made) in [
        (vec![old.clone(), checkpoint(6, "stopping", true)], true),
        (vec![old.clone(), checkpoint(6, "stopping", false)], false),
        (vec![old.clone(), checkpoint(6, "scheduled", true)], false),
    ] {
        let fake = FakeTransport::new();
        let running = running(&fake, options()).await;
        shows(&fake, &[job("Running")]);
        fake.checkpoints(&[checkpoint(2, "scheduled", true), old.clone()]);
        // The checkpoint may be of a stop after the last poll, so the job is polled again.
        shows(&fake, &[job("Running")]);
        fake.patch("pl_1", json!({"stop": "checkpoint"}));
        shows(
            &fake,
            &[
                undesired("Running"),
                undesired("CheckpointStopping"),
                undesired("Stopping"),
                undesired("Stopped"),
            ],
        );
        fake.checkpoints(&after);
        let stopped = running.stop().await.unwrap();
        assert_eq!(stopped.job().state, JobState::Stopped);
        assert_eq!(stopped.final_checkpoint(), Some(made));
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_checkpoints_cannot_be_read_it_is_not_said_whether_a_final_one_was_made() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/checkpoints")
        .reply(500, "");
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(&fake, &[undesired("Stopped")]);
    assert_eq!(running.stop().await.unwrap().final_checkpoint(), None);
}

#[tokio::test(start_paused = true)]
async fn the_mode_of_a_stop_is_that_of_the_options() {
    let fake = FakeTransport::new();
    let running = running(&fake, options().with_stop_mode(StopMode::Graceful)).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "graceful"}));
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    assert_eq!(
        running.stop().await.unwrap().final_checkpoint(),
        Some(false)
    );
}

#[tokio::test(start_paused = true)]
async fn what_has_stopped_already_is_not_told_to() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[checkpoint(6, "stopping", true)]);
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &told_to("checkpoint"));
    assert_eq!(running.stop().await.unwrap().final_checkpoint(), Some(true));
}

/// A job as releases up to 0.15 show it.
fn released(state: &str) -> Value {
    undesired(state).with("pipeline_id", Value::Null)
}

fn told_to(stop: &str) -> Value {
    pipeline("pl_1", QUERY).with("stop", json!(stop))
}

#[tokio::test(start_paused = true)]
async fn where_checkpoints_have_no_kind_what_was_seen_tells_whether_a_final_one_was_made() {
    let seen: &[&str] = &["Running", "CheckpointStopping", "Stopped"];
    for (states, told, made) in [
        (seen, "checkpoint", Some(true)),
        // Another client's stop broke it off.
        (seen, "immediate", None),
        (&["Running", "Stopped"], "", None),
    ] {
        let fake = FakeTransport::new();
        let running = running(&fake, options()).await;
        let before = checkpoint(1, "", true).without("checkpoint_type");
        let shown = job("Running").with("pipeline_id", Value::Null);
        shows(&fake, std::slice::from_ref(&shown));
        fake.checkpoints(std::slice::from_ref(&before));
        shows(&fake, &[shown]);
        fake.patch("pl_1", json!({"stop": "checkpoint"}));
        shows(
            &fake,
            &states
                .iter()
                .map(|state| released(state))
                .collect::<Vec<_>>(),
        );
        fake.checkpoints(&[before, checkpoint(2, "", true).without("checkpoint_type")]);
        if !told.is_empty() {
            fake.expect(Method::GET, path("pl_1"))
                .reply_json(200, &told_to(told));
        }
        assert_eq!(running.stop().await.unwrap().final_checkpoint(), made);
    }
}

/// On a release 0.15.0, CheckpointStopping lasts for 104 ms.
#[tokio::test(start_paused = true)]
async fn a_released_server_is_looked_at_so_closely_that_its_final_checkpoint_is_seen() {
    let fake = FakeTransport::any_order();
    let running = running(&fake, options()).await;
    let shown = shows_always(&fake, &released("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let looks = || count(&fake, &Method::GET, |path| path.ends_with("/jobs"));
    let stop = async { running.stop().await.unwrap().final_checkpoint() };
    let server = async {
        tokio::time::sleep(millis(1500)).await;
        let before = looks();
        tokio::time::sleep(millis(104)).await;
        let met = looks() - before;
        assert!((2..=4).contains(&met), "{met}");
        fake.checkpoints(&[]);
        let _ = shown.reply_json(200, &json!({"data": [released("Stopped")]}));
    };
    let (made, ()) = tokio::join!(stop, server);
    assert_eq!(made, Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_stop_whose_reply_is_lost_is_told_again() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"})).lost();
    // It is told again only what a look shows to be still ours.
    shows(&fake, &[job("Running")]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}))
        .reply(502, "");
    fake.expect(Method::GET, jobs_path("pl_1")).reply(502, "");
    shows(&fake, &[undesired("Running")]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}))
        .reply(200, "");
    fake.expect(Method::GET, jobs_path("pl_1")).reply(502, "");
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    let _ = running.stop().await.unwrap();
}

/// The deadline leaves the last poll far less time than a request may take. That it gets no answer is not the server's failure.
#[tokio::test(start_paused = true)]
async fn a_look_that_the_deadline_cuts_short_does_not_hide_the_failure_before() {
    for (before, after) in [(502, "502"), (200, "last seen in CheckpointStopping")] {
        let fake = FakeTransport::new();
        let options = options().with_request_timeout(seconds(60));
        let running = running(&fake, options).await;
        shows(&fake, &[job("Running")]);
        fake.checkpoints(&[]);
        fake.patch("pl_1", json!({"stop": "checkpoint"}));
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(before, &json!({"data": [undesired("CheckpointStopping")]}));
        fake.expect(Method::GET, jobs_path("pl_1")).hang();
        let (error, _) = stop_error(running.stop().await);
        let text = chain(&error);
        assert!(text.contains(after), "{text}");
        assert!(!text.contains("no reply"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_not_obeyed_ends_by_the_deadline_and_can_be_tried_again() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let shown = shows_always(&fake, &undesired("CheckpointStopping"));
    let started = Instant::now();
    let (error, running) = stop_error(running.stop().await);
    assert_eq!(started.elapsed(), seconds(10));
    assert!(matches!(error, StopError::Deadline { .. }), "{error:?}");
    let text = chain(&error);
    assert!(text.contains("did not stop within 10 s"), "{text}");
    assert!(
        text.contains("last seen in CheckpointStopping, run 1, told to stop"),
        "{text}"
    );
    let error = Error::from(error);
    assert!(error.is_retryable());
    assert_eq!(error.phase(), Phase::MaybeSent);
    let _ = shown.reply_json(200, &json!({"data": [undesired("Stopped")]}));
    fake.checkpoints(&[]);
    let _ = running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_another_client_starts_again_is_not_stopped_over_and_over() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(&fake, &[undesired("Stopping"), job("Stopped")]);
    shows_always(&fake, &job("Running"));
    let (error, _) = stop_error(running.stop().await);
    assert!(matches!(error, StopError::Resumed { .. }), "{error:?}");
    assert_eq!(count(&fake, &Method::PATCH, |_| true), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_ends_otherwise_is_not_called_stopped() {
    for state in ["Finished", "Failed"] {
        let fake = FakeTransport::new();
        let running = running(&fake, options()).await;
        shows(&fake, &[job("Running")]);
        fake.checkpoints(&[]);
        fake.patch("pl_1", json!({"stop": "checkpoint"}));
        shows(
            &fake,
            &[undesired(state).with(
                "failure_reason",
                json!({"error": "disk full", "domain": "external"}),
            )],
        );
        fake.checkpoints(&[]);
        let (error, running) = stop_error(running.stop().await);
        assert!(
            matches!(error, StopError::EndedOtherwise { .. }),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            format!("pipeline pl_1 ended as {state} before it was stopped: disk full")
        );
        let report = running.shutdown().stop_all(StopPolicy::default()).await;
        assert!(report.unwrap().entries.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_refused_ends_it_at_once() {
    let fake = FakeTransport::new();
    let refusing = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(400, &json!({"error": "unknown stop mode"}));
    let (error, _) = stop_error(refusing.stop().await);
    assert!(matches!(error, StopError::Rejected { .. }), "{error:?}");
    assert!(chain(&error).contains("unknown stop mode"));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_has_begun_does_not_hinder_a_stop() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    running.shutdown().begin();
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    let _ = running.stop().await.unwrap();
}

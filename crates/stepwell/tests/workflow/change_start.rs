//! Starting a pipeline that exists, by its id.

use serde_json::{Value, json};
use stepwell::{
    Error, JobState, Shutdown, StopPolicy, Submission, TransitionError,
    error::ChangeError,
    state::{Registered, State},
    transport::{FakeTransport, Phase, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

#[track_caller]
fn start_error<S: State>(
    outcome: Result<Submission<Registered>, TransitionError<S>>,
) -> (Error, Submission<S>) {
    let (error, submission) = outcome.unwrap_err().into_parts();
    assert!(matches!(error, Error::Change { .. }), "{error:?}");
    assert_eq!(error.pipeline_id(), Some(submission_id()).as_ref());
    (error, submission)
}

fn submission_id() -> stepwell::PipelineId {
    id("pl_1")
}

fn in_run(job: Value, run: u64) -> Value {
    job.with("run_id", json!(run))
}

fn restarts(fake: &FakeTransport) -> usize {
    count(fake, &Method::POST, |path| path == RESTART)
}

#[tokio::test(start_paused = true)]
async fn what_was_stopped_is_started_again_and_its_old_state_does_not_count() {
    let fake = FakeTransport::new();
    let stopped = stopped(&fake, options()).await;
    shows_both(&fake, undesired("Stopped"), "checkpoint");
    fake.patch("pl_1", json!({"stop": "none"}));
    let started = stopped.start().await.unwrap();
    let next = [job("Stopped"), undesired("Stopped")];
    shows(&fake, &next);
    shows(
        &fake,
        &[in_run(job("Scheduling"), 2), in_run(job("Running"), 2)],
    );
    let running = started.wait_until_running().await.unwrap();
    assert_eq!(running.job().run_id, 2);

    // A stop by another client is not taken for the one before.
    shows(&fake, &[in_run(undesired("Stopped"), 2)]);
    assert!(!running.ended().await.unwrap().is_told_to_stop);
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn each_state_gets_the_requests_that_it_needs() {
    let none = json!({"stop": "none"});
    let table = [
        (job("Running"), "none", None, 0),
        (job("Scheduling"), "none", None, 0),
        (job("Stopped"), "none", None, 0),
        (undesired("Running"), "checkpoint", Some(&none), 0),
        (
            undesired("CheckpointStopping"),
            "checkpoint",
            Some(&none),
            0,
        ),
        (undesired("Stopped"), "immediate", Some(&none), 0),
        (undesired("Failed"), "none", None, 1),
        (undesired("Failed"), "checkpoint", Some(&none), 1),
    ];
    for (job, stop, patch, restarts) in table {
        let fake = FakeTransport::new();
        let attached = attached(&fake, options()).await;
        shows_both(&fake, job, stop);
        if let Some(patch) = patch {
            fake.patch("pl_1", patch.clone());
        }
        for _ in 0..restarts {
            fake.expect(Method::POST, RESTART)
                .reply_json(200, &pipeline("pl_1", QUERY));
        }
        let _registered = attached.start().await.unwrap();
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_ending_is_awaited_and_what_has_finished_cannot_be_started() {
    let fake = FakeTransport::new();
    let attached = attached(&fake, options()).await;
    shows_both(&fake, job("Failing"), "none");
    shows(&fake, &[job("Failing"), undesired("Failed")]);
    shows_both(&fake, undesired("Failed"), "none");
    fake.expect(Method::POST, RESTART)
        .reply_json(200, &pipeline("pl_1", QUERY));
    let started = attached.start().await.unwrap();
    shows_both(&fake, undesired("Finished"), "none");
    let (error, _) = start_error(started.start().await);
    assert_eq!(error.code(), "start.finished");
    assert!(!error.is_retryable());
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn one_404_is_that_of_a_node_that_lags_behind_and_ten_seconds_of_them_are_not() {
    let fake = FakeTransport::new();
    let attached = attached(&fake, options()).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    fake.jobs("pl_1", undesired("Stopped"));
    fake.not_there("pl_1");
    shows_both(&fake, undesired("Stopped"), "checkpoint");
    fake.patch("pl_1", json!({"stop": "none"}));
    let started = attached.start().await.unwrap();

    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
    let began = Instant::now();
    let (error, _) = start_error(started.start().await);
    assert_eq!(error.code(), "start.vanished");
    assert!(began.elapsed() >= seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_not_answered_is_unknown_and_the_next_one_looks_first() {
    let fake = FakeTransport::any_order();
    let shutdown = Shutdown::new();
    let attached = attached(&fake, options().under(&shutdown)).await;
    let _ = shows_always(&fake, &undesired("Stopped"));
    let _ = fake
        .expect(Method::GET, path("pl_1"))
        .reply_json(
            200,
            &pipeline("pl_1", QUERY).with("stop", json!("checkpoint")),
        )
        .always();
    let _ = fake.expect(Method::PATCH, path("pl_1")).lost().always();
    let (error, attached) = start_error(attached.start().await);
    assert_eq!(error.code(), "start.outcome_unknown");
    assert_eq!(
        (error.phase(), error.is_retryable()),
        (Phase::MaybeSent, true)
    );
    assert_eq!(shutdown.pipelines().len(), 1);

    let fake = FakeTransport::new();
    drop(attached);
    let attached = self::attached(&fake, options()).await;
    // Refused before it left: nothing is in doubt.
    shows_both(&fake, undesired("Stopped"), "checkpoint");
    fake.expect(Method::PATCH, path("pl_1")).refused().always();
    let (error, _) = start_error(attached.start().await);
    assert_eq!(error.code(), "start.unanswered");
    assert_eq!(
        (error.phase(), error.is_retryable()),
        (Phase::NotSent, true)
    );
}

async fn attached_failed(fake: &FakeTransport) -> Submission<Registered> {
    let attached = attached(fake, options()).await;
    shows_both(fake, undesired("Failed"), "none");
    attached
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_doubt_is_not_repeated_once_another_run_shows() {
    let fake = FakeTransport::new();
    let attached = attached_failed(&fake).await;
    fake.expect(Method::POST, RESTART).lost();
    shows(&fake, &[in_run(job("Scheduling"), 2)]);
    let started = attached.start().await.unwrap();
    let _ = shows_always(&fake, &in_run(job("Running"), 2));
    assert_eq!(started.wait_until_running().await.unwrap().job().run_id, 2);
    assert_eq!(restarts(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_call_does_not_repeat_a_restart_that_does_not_show_yet() {
    let fake = FakeTransport::new();
    let attached = attached_failed(&fake).await;
    fake.expect(Method::POST, RESTART)
        .reply_json(200, &pipeline("pl_1", QUERY));
    let started = attached.start().await.unwrap();
    // The controller has not acted yet.
    shows_both(&fake, undesired("Failed"), "none");
    shows_both(&fake, in_run(job("Running"), 2), "none");
    let _registered = started.start().await.unwrap();
    assert_eq!(restarts(&fake), 1);
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn what_was_started_here_is_stopped_by_the_shutdown_and_what_ran_is_left() {
    for starts in [true, false] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let attached = attached(&fake, options().under(&shutdown)).await;
        if starts {
            shows_both(&fake, undesired("Stopped"), "checkpoint");
            fake.patch("pl_1", json!({"stop": "none"}));
        } else {
            shows_both(&fake, job("Running"), "none");
        }
        let _started = attached.start().await.unwrap();
        if starts {
            expect_stop(&fake, "pl_1");
        }
        let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
        let left = report.to_string().contains("was left as it is");
        assert_eq!(left, !starts, "{report}");
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_started_once_a_shutdown_has_begun() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let stopped = stopped(&fake, options().under(&shutdown)).await;
    shutdown.begin();
    let failure = stopped.start().await.unwrap_err();
    assert!(matches!(failure.error(), Error::ShutdownBegun));
    let stopped = failure.into_submission();
    assert_eq!(stopped.job().state, JobState::Stopped);
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_the_servers_words() {
    let fake = FakeTransport::new();
    let attached = attached(&fake, options()).await;
    shows_both(&fake, undesired("Stopped"), "checkpoint");
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(400, &json!({"error": "too many subtasks"}));
    let (error, _) = start_error(attached.start().await);
    assert_eq!(error.code(), "start.rejected");
    let Error::Change {
        source: ChangeError::Rejected { .. },
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(
        chain(&error).contains("too many subtasks"),
        "{}",
        chain(&error)
    );
    fake.finish();
}

/// The tick before the start has taken effect, and a node that lags behind, still show the end before.
#[tokio::test(start_paused = true)]
async fn the_end_before_a_start_is_not_the_end_of_what_was_started() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let attached = attached(&fake, options().under(&shutdown)).await;
    shows_both(&fake, job("Failed"), "none");
    fake.expect(Method::POST, RESTART)
        .reply_json(200, &pipeline("pl_1", QUERY));
    let started = attached.start().await.unwrap();
    shows(&fake, &[job("Failed"), in_run(job("Running"), 2)]);
    shows(&fake, &[in_run(undesired("Stopped"), 2)]);
    let ended = started.ended().await.unwrap();
    assert_eq!((ended.job.state, ended.job.run_id), (JobState::Stopped, 2));
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn a_start_that_leads_to_nothing_has_ended_once_a_node_that_lags_behind_would_show_more() {
    let fake = FakeTransport::any_order();
    let attached = attached(&fake, options()).await;
    fake.jobs("pl_1", undesired("Stopped"));
    fake.expect(Method::GET, path("pl_1")).reply_json(
        200,
        &pipeline("pl_1", QUERY).with("stop", json!("checkpoint")),
    );
    fake.patch("pl_1", json!({"stop": "none"}));
    let started = attached.start().await.unwrap();
    let _ = shows_always(&fake, &undesired("Stopped"));
    let began = Instant::now();
    assert_eq!(started.ended().await.unwrap().job.state, JobState::Stopped);
    assert!(began.elapsed() >= seconds(9), "{:?}", began.elapsed());
}

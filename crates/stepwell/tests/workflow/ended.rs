//! Watching a job to its end.

use serde_json::json;
use stepwell::{
    Error, JobState, Shutdown, StopPolicy, Submission,
    error::WaitError,
    transport::{
        FakeTransport,
        http::{HeaderValue, Method, header::RETRY_AFTER},
    },
};
use tokio::time::Instant;

use crate::support::*;
use stepwell::state::Running;

#[tokio::test(start_paused = true)]
async fn the_end_of_a_job_is_awaited_without_a_deadline_and_is_no_error() {
    for (end, state) in [
        (job("Finished"), JobState::Finished),
        (job("Failed"), JobState::Failed),
        (undesired("Stopped"), JobState::Stopped),
    ] {
        let fake = FakeTransport::new();
        let running = running(&fake, options()).await;
        let shown = shows_always(&fake, &job("Running"));
        // The future may be dropped and called again.
        let cut = tokio::time::timeout(seconds(3_600), running.ended()).await;
        assert!(cut.is_err());
        let _ = shown.times(3);
        shows(&fake, &[job("Recovering")]);
        fake.newest_errors(&[]);
        shows(&fake, &["Restarting", "Stopped", "Scheduling"].map(job));
        fake.expect(Method::GET, jobs_path("pl_1")).lost();
        shows(&fake, &[end]);
        if state == JobState::Failed {
            fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/errors?")
                .reply_json(200, &json!({"data": [], "hasMore": false}));
        }
        let ended = running.ended().await.unwrap();
        assert_eq!(ended.job.state, state);
        let report = running.shutdown().stop_all(StopPolicy::default()).await;
        assert!(report.unwrap().entries.is_empty());
        assert!(matches!(
            (ended.into_error(), state),
            (WaitError::Finished { .. }, JobState::Finished)
                | (WaitError::Failed { .. }, JobState::Failed)
                | (WaitError::Stopped { .. }, JobState::Stopped)
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn watching_fails_when_the_server_is_silent_and_the_job_may_well_run() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.expect(Method::GET, jobs_path("pl_1")).lost().always();
    let started = Instant::now();
    let error = running.ended().await.unwrap_err();
    let elapsed = started.elapsed();
    assert!(elapsed >= seconds(5) && elapsed < seconds(6), "{elapsed:?}");
    assert!(
        matches!(
            error,
            Error::Wait {
                source: WaitError::Silence { .. }
            }
        ),
        "{error:?}"
    );
    assert!(
        chain(&error).contains("before that the job was in Running"),
        "{}",
        chain(&error)
    );
    assert!(error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_long_pauses_does_not_put_off_that_it_is_silent() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply(503, "")
        .header(RETRY_AFTER, HeaderValue::from(60))
        .always();
    let started = Instant::now();
    let error = running.ended().await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    let elapsed = started.elapsed();
    assert!(elapsed >= seconds(5) && elapsed < seconds(6), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lower_poll_ceiling_has_the_job_polled_more_often() {
    for (ceiling, polls) in [(millis(500), 120..170), (millis(100), 600..830)] {
        let fake = FakeTransport::new();
        let running = running(&fake, options().with_poll_ceiling(ceiling)).await;
        let before = fake.requests().len();
        shows_always(&fake, &job("Running"));
        let cut = tokio::time::timeout(seconds(60), running.ended()).await;
        assert!(cut.is_err());
        let polled = fake.requests().len() - before;
        assert!(polls.contains(&polled), "{ceiling:?}: {polled}");
    }
}

/// As in a `select!` loop in which another branch keeps ending the wait: see [`Submission::ended`].
async fn ended_begun_anew_each_second(running: &Submission<Running>) -> WaitError {
    loop {
        if let Ok(ended) = tokio::time::timeout(millis(1_000), running.ended()).await {
            match ended.unwrap_err() {
                Error::Wait { source } => return source,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_begun_anew_again_and_again_notices_a_silent_server() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    fake.expect(Method::GET, jobs_path("pl_1")).lost().always();
    let started = Instant::now();
    let error = ended_begun_anew_each_second(&running).await;
    let elapsed = started.elapsed();
    assert!(matches!(error, WaitError::Silence { .. }), "{error:?}");
    assert!(elapsed >= seconds(5) && elapsed < seconds(7), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_begun_anew_again_and_again_notices_a_deleted_pipeline() {
    let fake = FakeTransport::new();
    let running = running(&fake, options().with_silence_timeout(seconds(60))).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
    let started = Instant::now();
    let error = ended_begun_anew_each_second(&running).await;
    let elapsed = started.elapsed();
    assert!(matches!(error, WaitError::Vanished { .. }), "{error:?}");
    assert!(
        elapsed >= seconds(10) && elapsed < seconds(12),
        "{elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_between_two_watches_is_no_silence_of_the_server() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    fake.expect(Method::GET, jobs_path("pl_1")).lost().always();
    let cut = tokio::time::timeout(seconds(3), running.ended()).await;
    assert!(cut.is_err());
    tokio::time::sleep(seconds(3_600)).await;
    let started = Instant::now();
    let error = running.ended().await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert!(started.elapsed() >= seconds(1), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_was_deleted_before_it_is_watched_has_vanished() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let (shutdown, options) = (
        Shutdown::new(),
        options().with_running_timeout(seconds(600)),
    );
    let attached = Submission::attach(fake.clone(), id("pl_1"), &shutdown, options);
    let attached = attached.await.unwrap();
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
    let (error, _) = wait_error(attached.wait_until_running().await);
    assert!(matches!(error, WaitError::Vanished { .. }), "{error:?}");
}

/// Its end is not that of the pipeline that was watched.
#[tokio::test(start_paused = true)]
async fn a_pipeline_that_another_client_made_anew_is_not_the_one_that_is_watched() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Finished").with("id", json!("job_2"))]);
    let error = running.ended().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Wait {
                source: WaitError::Vanished { .. }
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_begun_anew_again_and_again_notices_a_server_that_hangs() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    fake.expect(Method::GET, jobs_path("pl_1")).hang().always();
    let started = Instant::now();
    let error = ended_begun_anew_each_second(&running).await;
    let elapsed = started.elapsed();
    assert!(matches!(error, WaitError::Silence { .. }), "{error:?}");
    assert!(elapsed >= seconds(5) && elapsed < seconds(9), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_404_of_a_watch_an_hour_ago_says_nothing_now() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    let cut = tokio::time::timeout(millis(20), running.ended()).await;
    assert!(cut.is_err());
    tokio::time::sleep(seconds(3_600)).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    shows(&fake, &[job("Running"), undesired("Stopped")]);
    assert_eq!(running.ended().await.unwrap().job.state, JobState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_our_own_is_not_that_of_another_client() {
    for own in [false, true] {
        let fake = FakeTransport::any_order();
        let short = options().with_stop_timeout(seconds(1));
        let running = running(&fake, short).await;
        let shown = shows_always(&fake, &undesired("CheckpointStopping"));
        let registered = if own {
            fake.checkpoints(&[]);
            fake.patch("pl_1", json!({"stop": "checkpoint"}));
            let failure = running.stop().await.unwrap_err();
            assert_eq!(failure.error().code(), "stop.deadline");
            failure.into_submission()
        } else {
            running.into_registered()
        };
        let _ = shown.reply_json(200, &json!({"data": [undesired("Stopped")]}));
        let ended = registered.ended().await.unwrap();
        assert_eq!(ended.is_told_to_stop, own);
        let text = ended.into_error().to_string();
        assert_eq!(text.contains("by another client"), !own, "{text}");
    }
}

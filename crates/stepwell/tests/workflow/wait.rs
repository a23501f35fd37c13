use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stepwell::{
    Error, JobState, Outcome, StopPolicy,
    error::WaitError,
    observe::Event,
    transport::{
        FakeTransport, Phase,
        http::{HeaderValue, Method, header},
    },
};
use tokio::time::Instant;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn registering_sends_nothing_and_waits_for_nothing() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, chosen("pl_1")).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let resolution = validated.resolve().await.unwrap();
    assert!(resolution.differences().is_empty());
    let before = (fake.requests().len(), Instant::now());
    let registered = resolution.register();
    assert_eq!(before, (fake.requests().len(), Instant::now()));
    assert_eq!(registered.id().as_str(), "pl_1");
    assert_eq!(registered.name(), "orders");
    assert_eq!(
        registered.dashboard_url().as_deref(),
        Some("http://fake.test:5115/pipelines/pl_1")
    );
    assert_eq!(registered.graph().unwrap().parallelism(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_new_pipeline_is_waited_for_until_it_runs_and_each_state_is_told_once() {
    let fake = FakeTransport::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let options = options().with_observer(move |event: &Event| {
        if let Event::JobState(transition) = event {
            telling.lock().unwrap().push(transition.state.to_string());
        }
    });
    let registered = registered(&fake, options).await;
    shows(
        &fake,
        &["Created", "Created", "Scheduling", "Scheduling", "Running"].map(job),
    );
    let running = registered.wait_until_running().await.unwrap();
    assert_eq!(running.job().state, JobState::Running);
    assert_eq!(running.is_created_here(), Some(true));
    assert_eq!(*told.lock().unwrap(), ["Created", "Scheduling", "Running"]);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_not_known_is_waited_through() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    shows(&fake, &["Migrating", "Compiling", "Running"].map(job));
    let _ = registered.wait_until_running().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stopped_and_meant_to_run_is_on_its_way() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    shows(&fake, &["Stopped", "Scheduling", "Running"].map(job));
    let _ = registered.wait_until_running().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_so_new_that_it_does_not_show_is_waited_for() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    for _ in 0..3 {
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(404, &json!({"error": "Pipeline not found"}));
    }
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": []}))
        .times(2);
    shows(&fake, &[job("Running")]);
    let _ = registered.wait_until_running().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_poll_is_tolerated() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    shows(&fake, &[job("Scheduling")]);
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_text(502, "text/html", "<html>nginx</html>");
    fake.expect(Method::GET, jobs_path("pl_1")).lost();
    fake.expect(Method::GET, jobs_path("pl_1")).refused();
    fake.expect(Method::GET, jobs_path("pl_1")).hang();
    fake.expect(Method::GET, jobs_path("pl_1")).reply_text(
        200,
        "text/html",
        "<html>a gateway</html>",
    );
    shows(&fake, &[job("Running")]);
    let _ = registered.wait_until_running().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_the_wait_at_once() {
    for status in [401, 403] {
        let fake = FakeTransport::new();
        let registered = registered(&fake, options()).await;
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply(status, "");
        let (error, _) = wait_error(registered.wait_until_running().await);
        assert!(matches!(error, WaitError::Rejected { .. }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_is_an_error_with_reason_domain_and_what_it_has_logged() {
    let logged = json!({
        "id": "jlm_1", "created_at": T0, "operator_id": "", "task_index": 0, "level": "error", "message": "task failed",
        "details": "no such file", "error_domain": "user",
    });
    let new = json!({"error": "failed to open file\nand more", "domain": "user"});
    for (reason, words) in [
        (
            new,
            "pipeline pl_1 failed (user error): failed to open file\nand more",
        ),
        (
            json!("old servers give a text"),
            "pipeline pl_1 failed: old servers give a text",
        ),
        (
            Value::Null,
            "pipeline pl_1 failed: task failed: no such file",
        ),
    ] {
        let fake = FakeTransport::new();
        let registered = registered(&fake, options()).await;
        shows(
            &fake,
            &[
                job("Scheduling"),
                job("Failed").with("failure_reason", reason),
            ],
        );
        fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/errors?")
            .reply_json(200, &json!({"data": [logged], "hasMore": false}));
        let (error, registered) = wait_error(registered.wait_until_running().await);
        assert_eq!(error.to_string(), words);
        assert!(
            matches!(&error, WaitError::Failed { errors, .. } if errors.len() == 1),
            "{error:?}"
        );
        let error = Error::from(error);
        assert_eq!(error.phase(), Phase::Responded);
        assert!(!error.is_retryable());
        // A job that has ended is not stopped.
        let report = registered.shutdown().stop_all(StopPolicy::default()).await;
        assert!(report.unwrap().entries.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_is_no_less_failed_when_its_log_cannot_be_read() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    shows(&fake, &[job("Failed")]);
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/errors?")
        .reply(500, "");
    let (error, _) = wait_error(registered.wait_until_running().await);
    assert_eq!(
        error.to_string(),
        "pipeline pl_1 failed; the server gives no reason"
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_another_client_stops_or_that_finishes_ends_the_wait() {
    let fake = FakeTransport::new();
    let stopped = registered(&fake, options()).await;
    shows(&fake, &[undesired("Stopping"), undesired("Stopped")]);
    let (error, _) = wait_error(stopped.wait_until_running().await);
    assert!(matches!(error, WaitError::Stopped { .. }), "{error:?}");

    let fake = FakeTransport::new();
    let finished = registered(&fake, options()).await;
    shows(&fake, &[job("Scheduling"), job("Finished")]);
    let (error, _) = wait_error(finished.wait_until_running().await);
    assert!(matches!(error, WaitError::Finished { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_without_a_task_is_not_running() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    shows(&fake, &[job("Running").with("tasks", json!(0))]);
    let (error, _) = wait_error(registered.wait_until_running().await);
    assert!(matches!(error, WaitError::NoTasks { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_names_the_last_state_and_another_wait_works() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    let shown = shows_always(&fake, &job("Scheduling"));
    let started = Instant::now();
    let (error, registered) = wait_error(registered.wait_until_running().await);
    assert_eq!(started.elapsed(), seconds(10));
    assert!(matches!(error, WaitError::Deadline { .. }), "{error:?}");
    let text = chain(&error);
    assert!(
        text.contains("pipeline pl_1 was not running within 10 s"),
        "{text}"
    );
    assert!(text.contains("last seen in Scheduling, run 1"), "{text}");
    assert!(Error::from(error).is_retryable());
    let _ = shown.reply_json(200, &json!({"data": [job("Running")]}));
    let _ = registered.wait_until_running().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_deadline_keeps_the_state_from_before_the_server_fell_silent() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    shows(&fake, &[job("Scheduling")]);
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply(502, "")
        .always();
    let (error, _) = wait_error(registered.wait_until_running().await);
    let text = chain(&error);
    assert!(
        text.contains("before that the job was in Scheduling"),
        "{text}"
    );
    assert!(text.contains("502"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_stays_away_after_it_was_seen_was_deleted() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options().with_running_timeout(seconds(60))).await;
    shows(&fake, &[job("Scheduling")]);
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
    let (error, _) = wait_error(registered.wait_until_running().await);
    assert!(matches!(error, WaitError::Vanished { .. }), "{error:?}");
}

/// A lagging node may not know the pipeline, however long ago it was last polled.
#[tokio::test(start_paused = true)]
async fn one_that_is_missed_once_after_a_long_pause_was_not_deleted() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options().with_running_timeout(seconds(120))).await;
    shows(&fake, &[job("Scheduling")]);
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply(503, "")
        .header(header::RETRY_AFTER, HeaderValue::from(60));
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    shows(&fake, &[job("Running")]);
    let _ = registered.wait_until_running().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn run_takes_all_steps_and_takes_a_finished_job_for_no_failure() {
    for (state, finished) in [("Running", false), ("Finished", true)] {
        let fake = FakeTransport::new();
        fake.ping();
        fake.validation();
        fake.list(&[]);
        fake.expect(Method::PUT, path("pl_1"))
            .reply_json(200, &pipeline("pl_1", QUERY));
        shows(&fake, &[job("Scheduling"), job(state)]);
        match submission(fake.clone(), chosen("pl_1"))
            .run()
            .await
            .unwrap()
        {
            Outcome::Running(running) => assert!(!finished && running.id().as_str() == "pl_1"),
            Outcome::Finished(end) => assert!(finished && end.id.as_str() == "pl_1"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_a_submission_sends_nothing() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    let before = fake.requests().len();
    drop(running);
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(fake.requests().len(), before);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_wait() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    shows_always(&fake, &job("Scheduling"));
    let shutdown = registered.shutdown().clone();
    let (outcome, ()) = tokio::join!(registered.wait_until_running(), async {
        tokio::time::sleep(seconds(1)).await;
        shutdown.begin();
    });
    assert!(matches!(outcome.unwrap_err().error(), Error::ShutdownBegun));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_meets_a_busy_server_is_followed_by_the_pause_that_it_asks_for() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply(429, "")
        .header(header::RETRY_AFTER, HeaderValue::from_static("3"));
    shows(&fake, &[job("Scheduling"), job("Running")]);
    let started = Instant::now();
    let _ = registered.wait_until_running().await.unwrap();
    let elapsed = started.elapsed();
    // A `Retry-After` applies to one pause only.
    assert!(
        elapsed >= seconds(3) && elapsed < millis(3_200),
        "{elapsed:?}"
    );
}

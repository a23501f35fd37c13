//! The rows of a running pipeline: from the moment they are available to the job's end, over streams that break.

use serde_json::{Value, json};
use stepwell::{
    Error, Options, Submission,
    state::{RowStream, Running},
    transport::{Expectation, FakeTransport, Phase, TransportErrorKind, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

const OUTPUT: &str = "/api/v1/pipelines/pl_1/jobs/job_1/output";

const SELECT: &str = "SELECT counter FROM impulse;";

/// An event with one row, which contains the event's number.
pub(crate) fn event(start_id: u64) -> String {
    let event = json!({
        "operator_id": "sink_preview_4", "subtask_idx": 0, "timestamps": [T0], "start_id": start_id,
        "batch": format!("[{start_id}]"),
    });
    format!("data: {event}\nid: 0\n\n")
}

fn preview() -> Value {
    json!({
        "nodes": [{"node_id": 4, "operator": "preview", "description": "PreviewSink", "parallelism": 1}],
        "edges": [],
    })
}

/// A pipeline with a bare `SELECT` that was found Running.
pub(crate) async fn selecting(fake: &FakeTransport) -> Submission<Running> {
    selecting_with(fake, options()).await
}

pub(crate) async fn selecting_with(fake: &FakeTransport, options: Options) -> Submission<Running> {
    fake.ping();
    fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
        .reply_json(200, &json!({"graph": preview(), "errors": []}));
    let spec = stepwell::PipelineSpec::builder(SELECT)
        .name("orders")
        .build()
        .unwrap();
    let submission = submission_with(fake.clone(), spec, options);
    let connected = submission.connect().await.unwrap();
    let validated = connected.validate().await.unwrap();
    fake.list(&[pipeline("pl_1", SELECT).with("graph", preview())]);
    fake.jobs("pl_1", job("Running"));
    let registered = validated.resolve().await.unwrap().register();
    fake.jobs("pl_1", job("Running"));
    registered.wait_until_running().await.unwrap()
}

pub(crate) fn stream(fake: &FakeTransport) -> Expectation<'_> {
    fake.expect(Method::GET, OUTPUT)
        .reply_text(200, "text/event-stream", "")
}

fn refusal<'a>(fake: &'a FakeTransport, words: &str) -> Expectation<'a> {
    fake.expect(Method::GET, OUTPUT)
        .reply_json(400, &json!({"error": words}))
}

const NOT_YET: &str = "Job must be running to read output";

pub(crate) async fn all(rows: &mut RowStream) -> Result<Vec<(Vec<String>, u64, bool)>, Error> {
    let mut all = Vec::new();
    while let Some(batch) = rows.next().await? {
        all.push((batch.rows, batch.missed, batch.may_repeat));
    }
    Ok(all)
}

pub(crate) fn row(number: u64, missed: u64, may_repeat: bool) -> (Vec<String>, u64, bool) {
    (vec![number.to_string()], missed, may_repeat)
}

#[tokio::test(start_paused = true)]
async fn rows_come_once_the_server_gives_them_and_until_the_job_has_ended() {
    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    for _ in 0..3 {
        refusal(&fake, NOT_YET);
        shows(&fake, &[job("Running")]);
    }
    stream(&fake)
        .piece(event(7))
        .pause(seconds(10_000))
        .piece(event(8));
    // While no rows arrive, the job is polled for whether any can still come.
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": [job("Running")]}))
        .times(1_999);
    // The stream has just ended, but not yet the job.
    shows(&fake, &[job("Running")]);
    refusal(&fake, NOT_YET);
    shows(&fake, &[job("Finished")]);
    let mut rows = running.rows();
    // The pipeline existed before, so the number of missed rows is unknown.
    assert_eq!(
        all(&mut rows).await.unwrap(),
        [row(7, 0, false), row(8, 0, false)]
    );
    assert!(rows.is_complete());
    assert!(rows.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_or_may_come_again_is_told() {
    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    stream(&fake).piece(event(3) + &event(4) + &event(9));
    shows(&fake, &[job("Recovering")]);
    fake.expect(Method::GET, OUTPUT).refused();
    shows(&fake, &[job("Running")]);
    stream(&fake)
        .piece(event(15))
        .piece(event(12))
        .break_off(TransportErrorKind::Closed);
    shows(&fake, &[undesired("Stopped")]);
    let mut rows = running.rows();
    assert_eq!(
        all(&mut rows).await.unwrap(),
        [
            row(3, 0, false),
            row(4, 0, false),
            row(9, 4, false),
            row(15, 5, false),
            row(12, 0, true)
        ]
    );
    assert!(!rows.is_complete(), "its last rows may be missing");
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_made_here_has_missed_what_came_before() {
    let fake = FakeTransport::new();
    fake.ping();
    fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
        .reply_json(200, &json!({"graph": preview(), "errors": []}));
    let connected = submission(fake.clone(), chosen("pl_1"))
        .connect()
        .await
        .unwrap();
    let validated = connected.validate().await.unwrap();
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY).with("graph", preview()));
    let registered = validated.resolve().await.unwrap().register();
    fake.jobs("pl_1", job("Running"));
    let running = registered.wait_until_running().await.unwrap();
    stream(&fake).piece(event(2));
    shows(&fake, &[job("Finished")]);
    assert_eq!(all(&mut running.rows()).await.unwrap(), [row(2, 2, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_query_with_a_sink_of_its_own_has_no_rows_and_asks_for_none() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    let mut rows = running.rows();
    assert!(rows.next().await.unwrap().is_none() && rows.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_has_no_rows_says_so_once() {
    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    let _ = refusal(&fake, "Job does not have a preview sink");
    let mut rows = running.rows();
    assert!(rows.next().await.unwrap().is_none() && rows.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_no_way_to_read_rows_is_an_error_at_once() {
    for (status, words) in [(404, "Route not found"), (405, "")] {
        let fake = FakeTransport::new();
        let running = selecting(&fake).await;
        fake.expect(Method::GET, OUTPUT)
            .reply_json(status, &json!({"error": words}));
        let mut rows = running.rows();
        let error = rows.next().await.unwrap_err();
        assert!(chain(&error).contains(words), "{}", chain(&error));
        assert!(rows.next().await.unwrap().is_none() && !rows.is_complete());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_ends_before_its_rows_can_be_had_is_not_complete() {
    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    refusal(&fake, NOT_YET);
    shows(&fake, &[job("Finished")]);
    let mut rows = running.rows();
    assert!(rows.next().await.unwrap().is_none() && !rows.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_given_up_with_a_stream_open_too() {
    let fake = FakeTransport::any_order();
    let running = selecting(&fake).await;
    stream(&fake).piece(event(7)).fall_silent();
    fake.expect(Method::GET, jobs_path("pl_1")).lost().always();
    let started = Instant::now();
    let mut rows = running.rows();
    assert_eq!(rows.next().await.unwrap().unwrap().rows, ["7"]);
    let error = rows.next().await.unwrap_err();
    let elapsed = started.elapsed();
    assert!(
        elapsed >= seconds(10) && elapsed < seconds(16),
        "{elapsed:?}"
    );
    assert!(matches!(error, Error::Look { .. }) && error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_running_job_whose_rows_are_refused_is_given_up_and_one_that_recovers_is_not() {
    let fake = FakeTransport::any_order();
    let running = selecting(&fake).await;
    let _ = refusal(&fake, NOT_YET).always();
    let recovering = shows_always(&fake, &job("Recovering"));
    let mut rows = running.rows();
    let patience = tokio::time::timeout(seconds(1_000), rows.next());
    assert!(patience.await.is_err());
    let _ = recovering.reply_json(200, &json!({"data": [job("Running")]}));
    let started = Instant::now();
    let error = rows.next().await.unwrap_err();
    assert!(started.elapsed() > seconds(28) && started.elapsed() < seconds(33));
    assert!(chain(&error).contains(NOT_YET), "{}", chain(&error));
    assert!(rows.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_is_given_up_and_one_that_cannot_be_read_at_once() {
    let fake = FakeTransport::any_order();
    let running = selecting(&fake).await;
    fake.expect(Method::GET, OUTPUT)
        .fail(TransportErrorKind::Refused, Phase::NotSent)
        .always();
    fake.expect(Method::GET, jobs_path("pl_1")).lost().always();
    let started = Instant::now();
    let error = running.rows().next().await.unwrap_err();
    let elapsed = started.elapsed();
    assert!(elapsed >= seconds(5) && elapsed < seconds(7), "{elapsed:?}");
    assert!(matches!(error, Error::Look { .. }) && error.is_retryable());

    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    stream(&fake).piece("data: {}\n\n");
    let mut rows = running.rows();
    let error = rows.next().await.unwrap_err();
    assert!(!error.is_retryable(), "{}", chain(&error));
    assert!(rows.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn no_row_is_lost_to_a_call_that_is_dropped() {
    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    stream(&fake)
        .pause(millis(700))
        .piece(event(1))
        .pause(millis(700))
        .piece(event(2))
        .break_off(TransportErrorKind::Closed);
    shows(&fake, &[job("Running")]);
    stream(&fake).pause(millis(700)).piece(event(3));
    shows(&fake, &[job("Finished")]);
    let mut rows = running.rows();
    let mut seen = Vec::new();
    loop {
        match tokio::time::timeout(millis(50), rows.next()).await {
            Err(_) => {}
            Ok(Ok(Some(batch))) => seen.extend(batch.rows),
            Ok(end) => break assert!(end.unwrap().is_none()),
        }
    }
    assert_eq!(seen, ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_begins_does_not_end_the_rows() {
    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    running.shutdown().begin();
    stream(&fake).piece(event(1));
    shows(&fake, &[undesired("Stopped")]);
    let mut rows = running.rows();
    assert_eq!(all(&mut rows).await.unwrap(), [row(1, 0, false)]);
}

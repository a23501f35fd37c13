//! Pipelines from the create to their end, through stops, restarts and kills.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use serde_json::json;
use support::{copy_of, start};

const COUNT: &str = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '200');
    SELECT counter FROM impulse;";

fn is_counting_from_0(column: &[u64]) -> bool {
    column.iter().copied().eq(0..column.len() as u64)
}

#[tokio::test]
async fn a_stop_with_a_checkpoint_is_exact() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(COUNT, 1).await;
    lines.wait_for(20).await;
    for round in 2..5 {
        let (_, job) = api.stop(&id, "checkpoint").await;
        assert_eq!(job["failure_reason"], json!(null));
        let stopped_at = lines.rows().len();
        assert!(
            is_counting_from_0(&lines.column("counter")),
            "{:?}",
            lines.column("counter")
        );
        let job = api.resume(&id).await;
        assert_eq!(job["run_id"], round);
        lines.wait_for(stopped_at + 20).await;
    }
    api.stop(&id, "checkpoint").await;
    assert!(
        is_counting_from_0(&lines.column("counter")),
        "{:?}",
        lines.column("counter")
    );

    // Also across a restart of the engine.
    let count = lines.rows().len() as u64;
    engine.close().await.unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    api.resume(&id).await;
    lines.wait_for(5).await;
    api.stop(&id, "checkpoint").await;
    let column = lines.column("counter");
    assert!(
        column
            .iter()
            .copied()
            .eq(count..count + column.len() as u64),
        "{count}: {column:?}"
    );
    engine.close().await.unwrap();
}

#[tokio::test]
async fn the_states_come_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(COUNT, 1).await;
    let (states, job) = api.wait_for_state(&id, "Running").await;
    assert_in_order(&states, &["Created", "Scheduling", "Running"]);
    assert_eq!(job["run_id"], 1);
    assert!(job["tasks"].as_u64().unwrap() >= 1, "{job}");
    lines.wait_for(1).await;
    for mode in ["checkpoint", "graceful", "immediate", "force"] {
        let (states, job) = api.stop(&id, mode).await;
        let on_the_way = if mode == "checkpoint" {
            "CheckpointStopping"
        } else {
            "Stopping"
        };
        assert_in_order(&states, &["Running", on_the_way, "Stopped"]);
        assert!(job["finish_time"].is_u64(), "{mode}: {job}");
        api.resume(&id).await;
    }
    let reply = api
        .send("DELETE", &format!("/api/v1/pipelines/{id}"), None)
        .await;
    assert_ne!(reply.status, 200, "a running pipeline is not deleted");
    api.stop(&id, "immediate").await;
    let reply = api
        .send("DELETE", &format!("/api/v1/pipelines/{id}"), None)
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        api.send("GET", &format!("/api/v1/pipelines/{id}"), None)
            .await
            .status,
        404
    );
    engine.close().await.unwrap();
}

/// A poll can miss a short state, but nothing may be out of order.
fn assert_in_order(seen: &[String], expected: &[&str]) {
    let mut expected_states = expected.iter();
    for state in seen {
        assert!(
            expected_states.any(|expected| expected == state),
            "{seen:?}, not {expected:?}"
        );
    }
}

#[tokio::test]
async fn after_a_kill_it_goes_on_from_the_last_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let body = json!({
        "name": "test", "query": COUNT, "parallelism": 1, "checkpoint_interval_micros": 1_000_000
    });
    let id = api.create_with(&body).await;
    let job = api.wait_for_state(&id, "Running").await.1["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let checkpoints = format!("/api/v1/pipelines/{id}/jobs/{job}/checkpoints");
    let mut polls = tokio::time::interval(std::time::Duration::from_millis(20));
    let mut at_least = 0;
    loop {
        polls.tick().await;
        let written = lines.rows().len() as u64;
        let stored = api.get(&checkpoints).await;
        let stored = stored["data"].as_array().unwrap().iter();
        let finished = stored.filter(|checkpoint| checkpoint["finish_time"].is_u64());
        match finished.count() {
            // The second run begins when the first has finished, and has everything that was written before.
            0 => at_least = written,
            1 => {}
            _ => break,
        }
    }
    lines.wait_for(lines.rows().len() + 20).await;
    let killed = copy_of(directory.path());
    let at_most = lines.rows().len() as u64;
    drop(engine);

    let (engine, api, lines) = start(killed.path()).await;
    let (_, job) = api
        .wait_for(&id, |job| job["state"] == "Running" && job["run_id"] == 2)
        .await;
    assert_eq!(job["running_desired"], true);
    let first = lines.wait_for(1).await[0]["counter"].as_u64().unwrap();
    assert!(first > 0, "it began anew");
    assert!(
        first <= at_most,
        "rows are missing: {at_most} were written, it goes on at {first}"
    );
    assert!(
        first >= at_least,
        "it did not go on from the last checkpoint: {first} of {at_least}"
    );
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_closed_engine_resumes_what_was_running_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let running = api.create(COUNT, 1).await;
    let stopped = api.create(COUNT, 1).await;
    api.wait_for_state(&running, "Running").await;
    api.stop(&stopped, "checkpoint").await;
    lines.wait_for(1).await;
    engine.close().await.unwrap();

    let (engine, api, lines) = start(directory.path()).await;
    let (states, job) = api
        .wait_for(&running, |job| {
            job["state"] == "Running" && job["run_id"] == 2
        })
        .await;
    assert!(!states.contains(&"Stopped".to_owned()), "{states:?}");
    assert_eq!(job["running_desired"], true);
    lines.wait_for(1).await;
    assert_eq!(api.job(&stopped).await["state"], "Stopped");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_finite_query_is_finished_with_all_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let query = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '100000', message_count = '5000');
        SELECT counter FROM impulse;";
    let id = api.create(query, 1).await;
    let (_, job) = api.wait_for_state(&id, "Finished").await;
    assert_eq!(job["failure_reason"], json!(null));
    let column = lines.column("counter");
    assert_eq!(column.len(), 5000);
    assert!(is_counting_from_0(&column));
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_user_error_fails_the_job_with_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let query = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '100');
        SELECT 1 / (counter - counter) AS x FROM impulse;";
    let id = api.create(query, 1).await;
    let (states, job) = api.wait_for_state(&id, "Failed").await;
    assert_in_order(
        &states,
        &["Created", "Scheduling", "Running", "Failing", "Failed"],
    );
    assert!(
        job["failure_reason"]["error"]
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("divide"),
        "{job}"
    );
    assert_eq!(job["failure_reason"]["domain"], "user");
    let errors = format!(
        "/api/v1/pipelines/{id}/jobs/{}/errors",
        job["id"].as_str().unwrap()
    );
    assert_eq!(api.get(&errors).await["data"][0]["message"], "task failed");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn two_subtasks_resume_exactly_too() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let query = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '200');
        SELECT counter, subtask_index FROM impulse;";
    let id = api.create(query, 2).await;
    for _ in 0..3 {
        lines.wait_for(lines.rows().len() + 20).await;
        api.stop(&id, "checkpoint").await;
        api.resume(&id).await;
    }
    api.stop(&id, "checkpoint").await;
    let rows = lines.rows();
    for subtask in 0..2 {
        let column: Vec<_> = rows
            .iter()
            .filter(|row| row["subtask_index"] == subtask)
            .map(|row| row["counter"].as_u64().unwrap())
            .collect();
        assert!(
            !column.is_empty() && is_counting_from_0(&column),
            "{subtask}: {column:?}"
        );
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_restart_that_ignores_the_state_begins_from_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(COUNT, 1).await;
    lines.wait_for(20).await;
    api.stop(&id, "checkpoint").await;
    api.resume(&id).await;
    let before = lines.rows().len();
    lines.wait_for(before + 5).await;
    let path = format!("/api/v1/pipelines/{id}/restart");
    let body = json!({"ignore_state": true});
    assert_eq!(api.send("POST", &path, Some(&body)).await.status, 200);
    api.wait_for(&id, |job| job["state"] == "Running" && job["run_id"] == 3)
        .await;
    let before = lines.rows().len();
    lines.wait_for(before + 5).await;
    api.stop(&id, "checkpoint").await;
    let column = lines.column("counter");
    let anew = column.iter().rposition(|counter| *counter == 0).unwrap();
    assert!(anew > 20, "{column:?}");
    assert!(is_counting_from_0(&column[anew..]), "{column:?}");

    // The next run resumes from there, not from earlier checkpoints.
    api.resume(&id).await;
    let before = lines.rows().len();
    lines.wait_for(before + 5).await;
    api.stop(&id, "checkpoint").await;
    assert!(is_counting_from_0(&lines.column("counter")[anew..]));
    engine.close().await.unwrap();
}

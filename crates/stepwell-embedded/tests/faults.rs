//! Pipelines on a full or damaged disk, behind a slow or closed reader, and with queries that ask for too much.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::io::{self, Write};

use serde_json::{Value, json};
use stepwell_embedded::{Engine, MAX_PARALLELISM};
use support::{Api, start};

const COUNT: &str = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '200');
    SELECT counter FROM impulse;";

#[tokio::test]
async fn a_damaged_checkpoint_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(COUNT, 1).await;
    let mut stopped_at = Vec::new();
    for _ in 0..2 {
        lines.wait_for(lines.rows().len() + 5).await;
        api.stop(&id, "checkpoint").await;
        stopped_at.push(lines.rows().len() as u64);
        api.resume(&id).await;
    }
    api.stop(&id, "checkpoint").await;
    engine.close().await.unwrap();

    let damage = |epochs: &str| {
        let database =
            rusqlite::Connection::open(directory.path().join("stepwell.sqlite")).unwrap();
        let statement = format!("UPDATE checkpoints SET state = zeroblob(20) WHERE epoch {epochs}");
        database.execute_batch(&statement).unwrap();
    };
    damage("= 3");
    let (engine, api, lines) = start(directory.path()).await;
    api.resume(&id).await;
    assert_eq!(lines.wait_for(1).await[0]["counter"], stopped_at[1]);
    api.stop(&id, "immediate").await;
    engine.close().await.unwrap();

    // Without any, it does not silently start from the beginning.
    damage("> 0");
    let (engine, api, lines) = start(directory.path()).await;
    api.patch(&id, &json!({ "stop": "none" })).await;
    let (_, job) = api
        .wait_for(&id, |job| job["failure_reason"].is_object())
        .await;
    assert_eq!(job["failure_reason"]["domain"], "internal");
    assert!(
        job["failure_reason"]["error"]
            .as_str()
            .unwrap()
            .contains("no checkpoint"),
        "{job}"
    );
    assert_eq!(lines.rows().len(), 0);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_saved_is_not_reported() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let database = rusqlite::Connection::open(directory.path().join("stepwell.sqlite")).unwrap();
    database
        .execute_batch("ALTER TABLE records RENAME TO away")
        .unwrap();
    let body = json!({ "name": "test", "query": COUNT, "parallelism": 1 });
    let reply = api.send("PUT", "/api/v1/pipelines/pl_1", Some(&body)).await;
    assert_eq!(reply.status, 500);
    let error = reply.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("no such table: records"), "{error}");
    assert_eq!(
        api.send("GET", "/api/v1/pipelines/pl_1", None).await.status,
        500
    );
    assert_eq!(lines.rows().len(), 0);

    // Once there is room again, it continues as if it had been slow.
    database
        .execute_batch("ALTER TABLE away RENAME TO records")
        .unwrap();
    lines.wait_for(1).await;
    assert_eq!(api.wait_for_state("pl_1", "Running").await.1["run_id"], 1);
    engine.close().await.unwrap();
    let (engine, api, _) = start(directory.path()).await;
    assert_eq!(api.wait_for_state("pl_1", "Running").await.1["run_id"], 2);
    engine.close().await.unwrap();
}

/// A slow writer, like a pipe that is read slowly.
#[derive(Debug)]
struct Gate(std::sync::mpsc::Receiver<()>);

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Stays open once the other end is gone.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn rows_that_nobody_reads_hold_up_a_checkpoint_but_not_an_immediate_stop() {
    let directory = tempfile::tempdir().unwrap();
    let (opener, gate) = std::sync::mpsc::channel();
    let engine = Engine::builder(directory.path())
        .rows(Box::new(Gate(gate)))
        .start()
        .await
        .unwrap();
    let api = Api::of(&engine);
    let id = api.create(COUNT, 1).await;
    api.wait_for_state(&id, "Running").await;
    api.patch(&id, &json!({ "stop": "checkpoint" })).await;
    api.wait_for_state(&id, "CheckpointStopping").await;
    api.stop(&id, "immediate").await;
    tokio::time::timeout(support::PATIENCE, engine.close())
        .await
        .unwrap()
        .unwrap();
    drop(opener);
}

#[tokio::test]
async fn a_query_is_as_deep_as_can_be_run_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let query = |length| {
        format!(
            "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '100');
            SELECT {}counter AS x FROM impulse WHERE {}counter >= 0;",
            "counter + ".repeat(length),
            "counter < 0 OR ".repeat(length / 2),
        )
    };
    let id = api.create(&query(120), 1).await;
    assert_eq!(lines.wait_for(2).await[1]["x"], 121);
    api.stop(&id, "checkpoint").await;
    let body = json!({ "name": "deep", "query": query(100_000), "parallelism": 1 });
    let reply = api.send("POST", "/api/v1/pipelines", Some(&body)).await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.json()["error"].as_str().unwrap().contains("256"),
        "{reply:?}"
    );
    engine.close().await.unwrap();
}

/// `lpad` allocates memory for the length that it is asked for, and panics if that is impossible.
#[tokio::test]
async fn a_panic_in_a_query_fails_its_job() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("in.json");
    std::fs::write(&file, format!("{{\"n\":{0}}}\n{{\"n\":{0}}}\n", i64::MAX)).unwrap();
    let query = format!(
        "CREATE TABLE lengths (n BIGINT) WITH (connector = 'single_file', path = '{}', type = 'source',
            wait_for_control = 'false');
        SELECT lpad('x', n, 'y') AS padded FROM lengths;",
        file.display()
    );
    let (engine, api, _) = start(&directory.path().join("state")).await;
    let id = api.create(&query, 1).await;
    let (_, job) = api
        .wait_for(&id, |job| job["failure_reason"].is_object())
        .await;
    let failure = &job["failure_reason"];
    assert_eq!(failure["domain"], "internal", "{job}");
    assert!(
        failure["error"].as_str().unwrap().contains("has a fault"),
        "{job}"
    );
    // Other pipelines run on.
    let other = api.create(COUNT, 1).await;
    api.wait_for_state(&other, "Running").await;
    engine.close().await.unwrap();
}

#[tokio::test]
async fn more_subtasks_than_there_may_be_are_refused_with_the_number() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let query = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '100');
        SELECT counter FROM impulse;";
    let id = api.create(query, MAX_PARALLELISM).await;
    let (_, job) = api.wait_for_state(&id, "Running").await;
    assert_eq!(job["tasks"], 3 * MAX_PARALLELISM, "{job}");

    let path = format!("/api/v1/pipelines/{id}");
    let body = json!({ "name": "test", "query": query, "parallelism": 129 });
    refused(&api, "POST", "/api/v1/pipelines", &body).await;
    refused(&api, "PUT", "/api/v1/pipelines/pl_1", &body).await;
    refused(&api, "PATCH", &path, &json!({ "parallelism": 129 })).await;
    assert_eq!(
        api.send("GET", "/api/v1/pipelines/pl_1", None).await.status,
        404
    );
    let job = api.job(&id).await;
    assert_eq!(
        (&job["run_id"], &job["state"]),
        (&json!(1), &json!("Running"))
    );
    engine.close().await.unwrap();

    // A store as an engine with another limit may have left it.
    let database = rusqlite::Connection::open(directory.path().join("stepwell.sqlite")).unwrap();
    let changed = database.execute(
        r#"UPDATE records SET body = CAST(replace(CAST(body AS TEXT), 'parallelism":128', 'parallelism":129') AS BLOB)"#,
        [],
    );
    assert_eq!(changed.unwrap(), 1);
    drop(database);
    let (engine, api, _) = start(directory.path()).await;
    let (_, job) = api.wait_for_state(&id, "Failed").await;
    let reason = job["failure_reason"]["error"].as_str().unwrap();
    assert!(reason.starts_with("parallelism 129 is above"), "{job}");
    refused(&api, "POST", &format!("{path}/restart"), &json!({})).await;
    refused(&api, "PATCH", &path, &json!({ "stop": "none" })).await;
    api.patch(&id, &json!({ "parallelism": 2, "stop": "none" }))
        .await;
    engine.close().await.unwrap();
}

async fn refused(api: &Api, method: &str, path: &str, body: &Value) {
    let reply = api.send(method, path, Some(body)).await;
    let words = format!("parallelism 129 is above the limit of {MAX_PARALLELISM}");
    assert_eq!(
        (reply.status, reply.json()),
        (400, json!({ "error": words }))
    );
}

/// A job that recovers says why, from the first attempt on.
#[tokio::test]
async fn a_job_that_recovers_from_bad_data_says_which_line_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("in.json");
    std::fs::write(&file, "{\"n\": 1}\n{\"n\": \"x\"}\n").unwrap();
    let query = format!(
        "CREATE TABLE src (n BIGINT) WITH (connector = 'single_file', path = '{}', type = 'source', wait_for_control = 'false');
        SELECT n FROM src;",
        file.display()
    );
    let (engine, api, _) = start(&directory.path().join("state")).await;
    let id = api.create(&query, 1).await;
    let (_, job) = api.wait_for_state(&id, "Recovering").await;
    let path = format!(
        "/api/v1/pipelines/{id}/jobs/{}/errors",
        job["id"].as_str().unwrap()
    );
    let errors = api.get(&path).await;
    assert_eq!(errors["data"].as_array().unwrap().len(), 1, "{errors}");
    let words = format!(
        "bad data in {}, line 2: \"x\" is not a BIGINT (column \"n\")",
        file.display()
    );
    assert_eq!(errors["data"][0]["details"], words);
    engine.close().await.unwrap();
}

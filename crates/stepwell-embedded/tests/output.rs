//! The rows of a job as server-sent events.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use serde_json::{Value, json};
use support::{Api, PATIENCE, Reply, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time;

fn select(options: &str) -> String {
    format!(
        "CREATE TABLE impulse WITH (connector = 'impulse', {options});
        SELECT counter FROM impulse;"
    )
}

async fn output_path(api: &Api, id: &str) -> String {
    let job = api.job(id).await;
    let job = job["id"].as_str().unwrap();
    format!("/api/v1/pipelines/{id}/jobs/{job}/output")
}

/// The events of a stream that has ended.
fn events(reply: &Reply) -> Vec<Value> {
    let data = reply
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn rows(event: &Value) -> Vec<Value> {
    serde_json::from_str(event["batch"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn rows_come_from_where_the_job_is_to_its_end_and_are_printed_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api
        .create(&select("event_rate = '200', message_count = '300'"), 1)
        .await;
    lines.wait_for(20).await;
    let path = output_path(&api, &id).await;
    let reply = time::timeout(PATIENCE, api.send("GET", &path, None))
        .await
        .unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    let head = reply.head.to_ascii_lowercase();
    for header in [
        "content-type: text/event-stream",
        "cache-control: no-cache",
        "transfer-encoding: chunked",
    ] {
        assert!(head.contains(header), "{header} is missing in {head}");
    }
    let events = events(&reply);
    let first = events[0]["start_id"].as_u64().unwrap();
    assert!(first > 0, "it begins where the job is");
    let mut next = first;
    for event in &events {
        assert_eq!(event["start_id"], next, "no gap");
        assert_eq!(event["operator_id"], "sink_preview_4");
        assert_eq!(event["subtask_idx"], 0);
        let rows = rows(event);
        assert_eq!(event["timestamps"].as_array().unwrap().len(), rows.len());
        for row in rows {
            assert_eq!(row, json!({"counter": next}));
            next += 1;
        }
    }
    assert_eq!(next, 300, "to the last row");
    api.wait_for_state(&id, "Finished").await;
    assert!(lines.column("counter").into_iter().eq(0..300));

    let ended = api.send("GET", &path, None).await;
    assert_eq!(ended.status, 400);
    let words = json!({"error": "Job must be running to read output"});
    assert_eq!(ended.json(), words);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_as_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _lines) = start(directory.path()).await;
    let sink = api
        .create(
            "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '10');
            CREATE TABLE sink (counter BIGINT UNSIGNED) WITH (connector = 'blackhole');
            INSERT INTO sink SELECT counter FROM impulse;",
            1,
        )
        .await;
    api.wait_for_state(&sink, "Running").await;
    let path = output_path(&api, &sink).await;
    let reply = api.send("GET", &path, None).await;
    // Recording `119_job_output_non_preview`.
    assert_eq!(
        (reply.status, reply.json()),
        (400, json!({"error": "Job does not have a preview sink"}))
    );
    for unknown in [
        format!("/api/v1/pipelines/{sink}/jobs/job_nope/output"),
        "/api/v1/pipelines/pl_nope/jobs/job_nope/output".to_owned(),
    ] {
        let reply = api.send("GET", &unknown, None).await;
        assert_eq!(
            (reply.status, reply.json()),
            (404, json!({"error": "Job not found"}))
        );
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_follower_who_does_not_read_holds_nothing_up() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api
        .create(
            &select("event_rate = '200000', message_count = '400000'"),
            1,
        )
        .await;
    api.wait_for_state(&id, "Running").await;
    let path = output_path(&api, &id).await;
    let mut idle = TcpStream::connect(&api.authority).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", api.authority);
    idle.write_all(request.as_bytes()).await.unwrap();
    api.wait_for_state(&id, "Finished").await;
    assert_eq!(lines.rows().len(), 400_000);

    // What he missed shows in the numbers of what he gets.
    let mut bytes = Vec::new();
    let end = b"\r\n0\r\n\r\n";
    while !bytes.ends_with(end) {
        let read = time::timeout(PATIENCE, idle.read_buf(&mut bytes));
        assert!(read.await.unwrap().unwrap() > 0, "the stream is cut");
    }
    let reply = Reply {
        status: 200,
        head: String::new(),
        text: String::from_utf8(bytes).unwrap(),
    };
    let events = events(&reply);
    assert!(!events.is_empty());
    let got: usize = events.iter().map(|event| rows(event).len()).sum();
    assert!(got < 400_000, "he cannot have had all");
    for event in &events {
        let first = &rows(event)[0]["counter"];
        assert_eq!(event["start_id"], *first);
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn an_engine_that_closes_ends_the_streams_and_does_not_wait_for_who_reads_them() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(&select("event_rate = '100'"), 1).await;
    lines.wait_for(1).await;
    let path = output_path(&api, &id).await;
    let following = tokio::spawn({
        let api = api.clone();
        async move { api.send("GET", &path, None).await }
    });
    let printed = lines.rows().len();
    lines.wait_for(printed + 20).await;
    let started = time::Instant::now();
    engine.close().await.unwrap();
    let elapsed = started.elapsed();
    assert!(elapsed < time::Duration::from_millis(1500), "{elapsed:?}");
    assert!(!events(&following.await.unwrap()).is_empty());
}

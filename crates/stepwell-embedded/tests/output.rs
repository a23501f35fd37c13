//! The rows of a job as server-sent events.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use serde_json::{Value, json};
use support::{Api, PATIENCE, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time;

/// The end of a body in chunks.
const END: &[u8] = b"\r\n0\r\n\r\n";

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
fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn rows(event: &Value) -> Vec<Value> {
    serde_json::from_str(event["batch"].as_str().unwrap()).unwrap()
}

/// Follows a job: the stream, and the head of the reply. From then on a client that reads misses no row.
async fn follow(api: &Api, path: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(&api.authority).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", api.authority);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = time::timeout(PATIENCE, stream.read_u8()).await;
        head.push(byte.unwrap().unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

/// The content of a stream up to its end.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(END) {
        let read = time::timeout(PATIENCE, stream.read_buf(&mut bytes));
        assert!(read.await.unwrap().unwrap() > 0, "the stream is cut");
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn rows_come_from_where_the_job_is_to_its_end_and_are_printed_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(&select("event_rate = '200'"), 1).await;
    lines.wait_for(20).await;
    let path = output_path(&api, &id).await;
    let (mut stream, head) = follow(&api, &path).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let head = head.to_ascii_lowercase();
    for header in [
        "content-type: text/event-stream",
        "cache-control: no-cache",
        "transfer-encoding: chunked",
    ] {
        assert!(head.contains(header), "{header} is missing in {head}");
    }
    lines.wait_for(lines.rows().len() + 100).await;
    api.stop(&id, "checkpoint").await;
    let events = events(&rest(&mut stream).await);
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
    assert!(
        lines.column("counter").into_iter().eq(0..next),
        "{next} is after the last row"
    );

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
async fn a_follower_that_does_not_read_delays_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(&select("event_rate = '200000'"), 1).await;
    api.wait_for_state(&id, "Running").await;
    let path = output_path(&api, &id).await;
    let (mut idle, _) = follow(&api, &path).await;
    let enough = lines.count() + 400_000;
    while lines.count() < enough {
        time::sleep(time::Duration::from_millis(20)).await;
    }
    api.stop(&id, "checkpoint").await;

    // What the follower missed shows in the numbers of what it gets.
    let events = events(&rest(&mut idle).await);
    assert!(!events.is_empty());
    let got: usize = events.iter().map(|event| rows(event).len()).sum();
    assert!(got < 400_000, "it cannot have had all");
    for event in &events {
        let first = &rows(event)[0]["counter"];
        assert_eq!(event["start_id"], *first);
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn an_engine_that_closes_ends_the_streams_and_does_not_wait_for_their_readers() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = start(directory.path()).await;
    let id = api.create(&select("event_rate = '100'"), 1).await;
    lines.wait_for(1).await;
    let path = output_path(&api, &id).await;
    let (mut stream, _) = follow(&api, &path).await;
    let following = tokio::spawn(async move { rest(&mut stream).await });
    let printed = lines.rows().len();
    lines.wait_for(printed + 20).await;
    engine.close().await.unwrap();
    // The stream has a proper end: the engine did not abort it after a timeout.
    assert!(!events(&following.await.unwrap()).is_empty());
}

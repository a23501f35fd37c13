//! Which pipelines print their rows.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::path::Path;

use serde_json::json;
use stepwell_arroyo::PipelineId;
use stepwell_embedded::Engine;
use support::{Api, Lines, PATIENCE, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time;

fn count(options: &str) -> String {
    format!(
        "CREATE TABLE impulse WITH (connector = 'impulse', {options});
        SELECT counter FROM impulse;"
    )
}

/// An engine that holds rows until a pipeline is named.
async fn holding(directory: &Path) -> (Engine, Api, Lines) {
    let lines = Lines::default();
    let builder = Engine::builder(directory).foreground_rows(lines.writer());
    let engine = builder.start().await.unwrap();
    let api = Api::of(&engine);
    (engine, api, lines)
}

fn id(id: &str) -> PipelineId {
    PipelineId::from_server(id)
}

#[tokio::test]
async fn rows_are_held_until_it_is_said_whose_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (first, api, lines) = holding(directory.path()).await;
    let pipeline = api.create(&count("event_rate = '1000'"), 1).await;
    api.wait_for_state(&pipeline, "Running").await;
    // It can be stopped, and its rows are kept.
    api.stop(&pipeline, "checkpoint").await;
    api.resume(&pipeline).await;
    first.show_rows_of(&id(&pipeline));
    lines.wait_for(30).await;
    api.stop(&pipeline, "checkpoint").await;
    first.close().await.unwrap();
    let printed = lines.column("counter");

    // Rows that are held keep a finite query from finishing, and a stop ends it.
    let (second, api, lines) = holding(directory.path()).await;
    let finite = count("event_rate = '1000', message_count = '3'");
    let other = api.create(&finite, 1).await;
    api.wait_for_state(&other, "Running").await;
    second.show_rows_of(&id(&pipeline));
    api.wait_for_state(&other, "Finished").await;
    assert!(lines.rows().is_empty(), "{:?}", lines.rows());
    api.resume(&pipeline).await;
    lines.wait_for(10).await;
    api.stop(&pipeline, "checkpoint").await;
    second.close().await.unwrap();
    let rows = [printed, lines.column("counter")].concat();
    assert!(rows.iter().copied().eq(0..rows.len() as u64), "{rows:?}");
}

/// The rows of a held pipeline are printed once it is named, and none is lost between two names.
#[tokio::test]
async fn the_last_name_counts() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, lines) = holding(directory.path()).await;
    let query = |from| {
        let select = format!("SELECT counter + {from} AS counter");
        count("event_rate = '500'").replace("SELECT counter", &select)
    };
    let first = api.create(&query(0), 1).await;
    let second = api.create(&query(1_000_000), 1).await;
    for pipeline in [&first, &second] {
        api.wait_for_state(pipeline, "Running").await;
    }
    engine.show_rows_of(&id(&first));
    lines.wait_for(20).await;
    engine.show_rows_of(&id(&second));
    let wait = async {
        while lines.column("counter").last() < Some(&1_000_000) {
            time::sleep(time::Duration::from_millis(5)).await;
        }
    };
    time::timeout(PATIENCE, wait).await.unwrap();
    let before = lines.rows().len();
    lines.wait_for(before + 20).await;
    engine.close().await.unwrap();
    let rows = lines.column("counter");
    let (of_first, of_second): (Vec<u64>, Vec<u64>) =
        rows.iter().partition(|row| **row < 1_000_000);
    assert!(of_first.iter().copied().eq(0..of_first.len() as u64));
    // Its rows were not kept while the other pipeline was shown.
    let begin = of_second[0];
    assert!(
        of_second
            .iter()
            .copied()
            .eq(begin..begin + of_second.len() as u64)
    );
    assert!(rows.ends_with(&of_second), "they do not mix: {rows:?}");
}

#[tokio::test]
async fn what_a_start_sets_going_again_is_told_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (first, api, _) = start(directory.path()).await;
    assert!(first.resumed_at_start().is_empty());
    let mut ids = Vec::new();
    for (name, options) in [
        ("running", "event_rate = '200'"),
        ("stopped", "event_rate = '200'"),
        ("finished", "event_rate = '1000', message_count = '3'"),
    ] {
        let body = json!({ "name": name, "query": count(options), "parallelism": 1 });
        ids.push(api.create_with(&body).await);
    }
    let [running, stopped, finished] = &ids[..] else {
        unreachable!("there are three")
    };
    api.wait_for_state(running, "Running").await;
    api.stop(stopped, "checkpoint").await;
    api.wait_for_state(finished, "Finished").await;
    first.close().await.unwrap();

    let idle = Engine::builder(directory.path()).idle();
    let idle = idle.start().await.unwrap();
    assert!(idle.resumed_at_start().is_empty());
    idle.close().await.unwrap();

    let (second, api, lines) = holding(directory.path()).await;
    let [resumed] = second.resumed_at_start() else {
        panic!("{:?}", second.resumed_at_start());
    };
    assert_eq!(
        (&resumed.id, resumed.name.as_str()),
        (&id(running), "running")
    );
    second.show_rows_of(&id(stopped));
    api.resume(stopped).await;
    lines.wait_for(20).await;
    api.stop(stopped, "checkpoint").await;
    // No row of the other pipeline is among them.
    let shown = lines.column("counter");
    let begin = shown[0];
    assert!(
        shown.iter().copied().eq(begin..begin + shown.len() as u64),
        "{shown:?}"
    );
    // It runs, and clients can follow its rows.
    follow_to_a_row(&api, running).await;
    second.close().await.unwrap();
}

/// Follows the rows of a pipeline, and reads until there is one.
async fn follow_to_a_row(api: &Api, pipeline: &str) {
    api.wait_for_state(pipeline, "Running").await;
    let job = api.job(pipeline).await["id"].as_str().unwrap().to_owned();
    let mut stream = TcpStream::connect(&api.authority).await.unwrap();
    let request = format!(
        "GET /api/v1/pipelines/{pipeline}/jobs/{job}/output HTTP/1.1\r\nhost: {}\r\n\r\n",
        api.authority
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(r#"\"counter\":"#) {
        let read = time::timeout(PATIENCE, stream.read_buf(&mut text));
        assert!(read.await.unwrap().unwrap() > 0, "the stream has ended");
    }
}

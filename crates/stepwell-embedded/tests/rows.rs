//! Whose rows are printed, and what becomes of rows that the writer does not take.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stepwell_arroyo::PipelineId;
use stepwell_embedded::{Engine, EngineBuilder};
use support::{Api, Lines, PATIENCE, copy_of, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time;

fn count(options: &str) -> String {
    format!(
        "CREATE TABLE impulse WITH (connector = 'impulse', {options});
        SELECT counter FROM impulse;"
    )
}

/// A disk with room for so many bytes.
#[derive(Clone, Debug)]
struct SmallDisk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
    is_full: Arc<Notify>,
}

impl SmallDisk {
    fn new(room: usize) -> Self {
        Self {
            bytes: Arc::default(),
            room,
            is_full: Arc::default(),
        }
    }

    /// The rows that are whole.
    fn rows(&self) -> Vec<Value> {
        let bytes = self.bytes.lock().unwrap();
        let whole = bytes.split_inclusive(|byte| *byte == b'\n');
        let whole = whole.filter(|line| line.ends_with(b"\n"));
        whole
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    async fn wait_until_full(&self) {
        let full = time::timeout(PATIENCE, self.is_full.notified());
        full.await.unwrap();
    }
}

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.bytes.lock().unwrap();
        let room = self.room - written.len();
        if room == 0 {
            self.is_full.notify_one();
            return Err(io::ErrorKind::StorageFull.into());
        }
        let bytes = &bytes[..room.min(bytes.len())];
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn engine(builder: EngineBuilder) -> (Engine, Api) {
    let engine = builder.start().await.unwrap();
    let api = Api::of(&engine);
    (engine, api)
}

/// An engine that holds rows until it is told whose to print.
async fn holding(directory: &Path) -> (Engine, Api, Lines) {
    let lines = Lines::default();
    let (engine, api) = engine(Engine::builder(directory).foreground_rows(lines.writer())).await;
    (engine, api, lines)
}

fn id(id: &str) -> PipelineId {
    PipelineId::from_server(id)
}

fn counters(rows: &[Value]) -> Vec<u64> {
    let counter = |row: &Value| row["counter"].as_u64().unwrap();
    rows.iter().map(counter).collect()
}

/// Waits until a checkpoint is stored that was begun after now.
async fn wait_for_checkpoint(api: &Api, pipeline: &str) {
    let job = api.job(pipeline).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/pipelines/{pipeline}/jobs/{job}/checkpoints");
    let wait = async {
        let begun = api.get(&path).await["data"].as_array().unwrap().len();
        loop {
            let checkpoints = api.get(&path).await;
            let newer = &checkpoints["data"].as_array().unwrap()[begun..];
            if newer.iter().any(|one| one["finish_time"].is_u64()) {
                return;
            }
            time::sleep(time::Duration::from_millis(20)).await;
        }
    };
    time::timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn rows_that_were_not_written_come_first_in_the_next_run() {
    // A row takes 14 bytes, and 15 from the tenth on.
    for room in [0, 1, 13, 14, 15, 28, 140, 149, 155, 1000] {
        let directory = tempfile::tempdir().unwrap();
        let disk = SmallDisk::new(room);
        let builder = Engine::builder(directory.path()).rows(Box::new(disk.clone()));
        let (first, api) = engine(builder).await;
        let pipeline = api.create(&count("event_rate = '2000'"), 1).await;
        disk.wait_until_full().await;
        // It does not fail, and does as it is told.
        assert_eq!(api.job(&pipeline).await["failure_reason"], Value::Null);
        api.wait_for_state(&pipeline, "Running").await;
        api.stop(&pipeline, "checkpoint").await;
        first.close().await.unwrap();

        let (second, api, lines) = start(directory.path()).await;
        api.resume(&pipeline).await;
        lines.wait_for(100).await;
        api.stop(&pipeline, "checkpoint").await;
        second.close().await.unwrap();
        let rows = [counters(&disk.rows()), lines.column("counter")].concat();
        assert!(
            rows.iter().copied().eq(0..rows.len() as u64),
            "room for {room} bytes: {rows:?}"
        );
    }
}

#[tokio::test]
async fn a_query_has_not_finished_before_its_rows_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let query = count("event_rate = '1000', message_count = '20'");
    let disk = SmallDisk::new(100);
    let builder = Engine::builder(directory.path()).rows(Box::new(disk.clone()));
    let (first, api) = engine(builder).await;
    let pipeline = api.create(&query, 1).await;
    disk.wait_until_full().await;
    api.stop(&pipeline, "checkpoint").await;
    first.close().await.unwrap();

    // Twice, to see that what is kept is kept on.
    let disks = [disk, SmallDisk::new(100)];
    let builder = Engine::builder(directory.path()).rows(Box::new(disks[1].clone()));
    let (second, api) = engine(builder).await;
    api.resume(&pipeline).await;
    disks[1].wait_until_full().await;
    api.stop(&pipeline, "checkpoint").await;
    second.close().await.unwrap();

    let (third, api, lines) = start(directory.path()).await;
    api.patch(&pipeline, &json!({ "stop": "none" })).await;
    api.wait_for_state(&pipeline, "Finished").await;
    third.close().await.unwrap();
    let written = disks.iter().flat_map(|disk| counters(&disk.rows()));
    let rows: Vec<_> = written.chain(lines.column("counter")).collect();
    assert!(rows.iter().copied().eq(0..20), "{rows:?}");
}

#[tokio::test]
async fn a_periodic_checkpoint_keeps_rows_that_were_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(100);
    let builder = Engine::builder(directory.path()).rows(Box::new(disk.clone()));
    let (first, api) = engine(builder).await;
    let body = json!({ "name": "test", "query": count("event_rate = '2000'"), "parallelism": 1,
        "checkpoint_interval_micros": 1_000_000 });
    let pipeline = api.create_with(&body).await;
    disk.wait_until_full().await;
    wait_for_checkpoint(&api, &pipeline).await;
    let copy = copy_of(directory.path());
    first.close().await.unwrap();

    let (second, api, lines) = start(copy.path()).await;
    lines.wait_for(100).await;
    api.stop(&pipeline, "checkpoint").await;
    second.close().await.unwrap();
    let rows = [counters(&disk.rows()), lines.column("counter")].concat();
    assert!(rows.iter().copied().eq(0..rows.len() as u64), "{rows:?}");
}

/// A rescale is a checkpoint and a new run.
#[tokio::test]
async fn rows_that_were_not_written_are_kept_over_a_rescale() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(100);
    let builder = Engine::builder(directory.path()).rows(Box::new(disk.clone()));
    let (first, api) = engine(builder).await;
    let query = count("event_rate = '2000', message_count = '50'");
    let pipeline = api.create(&query, 1).await;
    disk.wait_until_full().await;
    api.patch(&pipeline, &json!({ "parallelism": 2 })).await;
    api.wait_for(&pipeline, |job| {
        job["state"] == "Running" && job["run_id"] == 2
    })
    .await;
    api.stop(&pipeline, "checkpoint").await;
    first.close().await.unwrap();

    let (second, api, lines) = start(directory.path()).await;
    api.patch(&pipeline, &json!({ "stop": "none" })).await;
    api.wait_for_state(&pipeline, "Finished").await;
    second.close().await.unwrap();
    let mut rows = [counters(&disk.rows()), lines.column("counter")].concat();
    rows.sort_unstable();
    // Of both subtasks.
    let expected = (0..50).flat_map(|row| [row, row]);
    assert!(rows.iter().copied().eq(expected), "{rows:?}");
}

#[tokio::test]
async fn rows_are_held_until_it_is_said_whose_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let (first, api, lines) = holding(directory.path()).await;
    let pipeline = api.create(&count("event_rate = '1000'"), 1).await;
    api.wait_for_state(&pipeline, "Running").await;
    // It can be stopped, and what it had read is kept.
    api.stop(&pipeline, "checkpoint").await;
    api.resume(&pipeline).await;
    first.show_rows_of(&id(&pipeline));
    lines.wait_for(30).await;
    api.stop(&pipeline, "checkpoint").await;
    first.close().await.unwrap();
    let printed = lines.column("counter");

    // One that goes nowhere holds a finite query up, and a stop ends it.
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

/// The rows of one that is held come when it is named, and none is lost between two names.
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
    // What came while the other was shown was not kept.
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
    let (idle, _) = engine(idle).await;
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
    // Of the other none came between.
    let shown = lines.column("counter");
    let begin = shown[0];
    assert!(
        shown.iter().copied().eq(begin..begin + shown.len() as u64),
        "{shown:?}"
    );
    // It runs, and gives its rows to those who ask for them.
    follow_to_a_row(&api, running).await;
    second.close().await.unwrap();
}

/// Asks for the rows of a pipeline, and reads until there is one.
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

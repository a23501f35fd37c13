//! Rows that the writer does not accept.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stepwell_embedded::{Engine, EngineBuilder};
use support::{Api, PATIENCE, copy_of, start};
use tokio::sync::Notify;
use tokio::time;

fn count(options: &str) -> String {
    format!(
        "CREATE TABLE impulse WITH (connector = 'impulse', {options});
        SELECT counter FROM impulse;"
    )
}

/// A disk with room for a number of bytes.
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

    /// The complete rows.
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

fn counters(rows: &[Value]) -> Vec<u64> {
    let counter = |row: &Value| row["counter"].as_u64().unwrap();
    rows.iter().map(counter).collect()
}

/// Waits until a checkpoint is stored that was begun after the call.
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
        // It does not fail, and obeys.
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
    // The faster one has read all before the first row is refused.
    for rate in [1000, 1_000_000] {
        finishes_with_all_rows(rate).await;
    }
}

async fn finishes_with_all_rows(rate: u64) {
    let directory = tempfile::tempdir().unwrap();
    let query = count(&format!("event_rate = '{rate}', message_count = '20'"));
    let disk = SmallDisk::new(100);
    let builder = Engine::builder(directory.path()).rows(Box::new(disk.clone()));
    let (first, api) = engine(builder).await;
    let pipeline = api.create(&query, 1).await;
    disk.wait_until_full().await;
    api.stop(&pipeline, "checkpoint").await;
    first.close().await.unwrap();

    // Twice: rows that were kept must be kept again.
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
    assert!(rows.iter().copied().eq(0..20), "{rate} a second: {rows:?}");
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
    // The rows of both subtasks.
    let expected = (0..50).flat_map(|row| [row, row]);
    assert!(rows.iter().copied().eq(expected), "{rows:?}");
}

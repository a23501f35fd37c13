//! Shared by the tests of the engine: a plain HTTP/1 client, a writer whose rows can be read, and waits.

#![allow(dead_code, reason = "each test target uses its own part")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_embedded::Engine;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time;

/// Longer than anything here takes, even on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(5);

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// The address of an engine, for plain requests.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) authority: String,
}

impl Api {
    pub(crate) fn of(engine: &Engine) -> Self {
        Self {
            authority: engine.url().strip_prefix("http://").unwrap().to_owned(),
        }
    }

    pub(crate) async fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.authority).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no head in {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply {
            status,
            head: head.to_owned(),
            text: body.to_owned(),
        }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.authority,
            body.len()
        );
        self.raw(&[head.as_bytes(), body.as_bytes()].concat()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.send("GET", path, None).await;
        assert_eq!(reply.status, 200, "GET {path}: {reply:?}");
        reply.json()
    }

    /// Creates a pipeline. Returns its id.
    pub(crate) async fn create(&self, query: &str, parallelism: u32) -> String {
        let body = json!({ "name": "test", "query": query, "parallelism": parallelism });
        self.create_with(&body).await
    }

    pub(crate) async fn create_with(&self, body: &Value) -> String {
        let reply = self.send("POST", "/api/v1/pipelines", Some(body)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn patch(&self, id: &str, body: &Value) {
        let reply = self
            .send("PATCH", &format!("/api/v1/pipelines/{id}"), Some(body))
            .await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    pub(crate) async fn job(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/pipelines/{id}/jobs")).await["data"][0].clone()
    }

    /// Polls until the job is as it should be. Returns the states on the way, and the job.
    pub(crate) async fn wait_for(
        &self,
        id: &str,
        wanted: impl Fn(&Value) -> bool + Send + Sync,
    ) -> (Vec<String>, Value) {
        let mut states: Vec<String> = Vec::new();
        let mut polls = time::interval(POLL);
        let wait = async {
            loop {
                polls.tick().await;
                let job = self.job(id).await;
                let state = job["state"].as_str().unwrap();
                if states.last().is_none_or(|last| last != state) {
                    states.push(state.to_owned());
                }
                if wanted(&job) {
                    return job;
                }
            }
        };
        let in_time = time::timeout(PATIENCE, wait).await;
        let Ok(job) = in_time else {
            panic!("not seen in time; states: {states:?}")
        };
        (states, job)
    }

    pub(crate) async fn wait_for_state(&self, id: &str, state: &str) -> (Vec<String>, Value) {
        self.wait_for(id, |job| job["state"] == state).await
    }

    /// Stops a pipeline and waits until it is Stopped for good.
    pub(crate) async fn stop(&self, id: &str, mode: &str) -> (Vec<String>, Value) {
        self.patch(id, &json!({ "stop": mode })).await;
        self.wait_for(id, |job| {
            job["state"] == "Stopped" && job["running_desired"] == false
        })
        .await
    }

    pub(crate) async fn resume(&self, id: &str) -> Value {
        let run = self.job(id).await["run_id"].as_u64().unwrap();
        self.patch(id, &json!({ "stop": "none" })).await;
        self.wait_for(id, |job| {
            job["state"] == "Running" && job["run_id"].as_u64() > Some(run)
        })
        .await
        .1
    }
}

/// A writer whose lines can be waited for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    bytes: Arc<Mutex<Vec<u8>>>,
    written: Arc<Notify>,
}

impl Lines {
    pub(crate) fn writer(&self) -> Box<dyn Write + Send> {
        Box::new(self.clone())
    }

    /// The number of rows.
    pub(crate) fn count(&self) -> usize {
        let bytes = self.bytes.lock().unwrap();
        bytes.split(|byte| *byte == b'\n').count() - 1
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        let bytes = self.bytes.lock().unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The numbers in one column, in the order in which they were printed.
    pub(crate) fn column(&self, name: &str) -> Vec<u64> {
        self.rows()
            .iter()
            .map(|row| row[name].as_u64().unwrap())
            .collect()
    }

    /// Waits until there are `count` rows.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Value> {
        let wait = async {
            loop {
                let written = self.written.notified();
                let rows = self.rows();
                if rows.len() >= count {
                    return rows;
                }
                written.await;
            }
        };
        let in_time = time::timeout(PATIENCE, wait).await;
        let Ok(rows) = in_time else {
            panic!("{} of {count} rows in time", self.rows().len())
        };
        rows
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.written.notify_one();
        Ok(())
    }
}

pub(crate) async fn start(directory: &Path) -> (Engine, Api, Lines) {
    let lines = Lines::default();
    let engine = Engine::builder(directory)
        .rows(lines.writer())
        .start()
        .await
        .unwrap();
    let api = Api::of(&engine);
    (engine, api, lines)
}

/// What a killed process leaves behind: the files as they are, while the engine has them open.
pub(crate) fn copy_of(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

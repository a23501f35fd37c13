//! Polls a pipeline as fast as the engine answers, from before a request on.
//!
//! The engine stores each state before it acts on it, and answers requests in order. So if a poll is always in flight, it sees even
//! states that last a millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::{self, Instant};

use crate::observation::{Job, Observation, Offer};

/// How long to poll without a pause after the answer.
const HURRY: Duration = Duration::from_millis(300);
/// The pause between two polls after that.
const POLL: Duration = Duration::from_millis(5);

/// A running watch, which ends when this is dropped.
pub struct Watcher {
    answered: Arc<AtomicBool>,
    seen: UnboundedReceiver<Observation>,
    watching: JoinHandle<()>,
}

impl Watcher {
    /// Begins to watch. `answered`: the request has already been answered.
    pub async fn start(authority: &str, pipeline: &str, answered: bool) -> Self {
        let mut pipeline = Pipeline::connect(authority, pipeline).await;
        let before = pipeline.observe().await;
        let answered = Arc::new(AtomicBool::new(answered));
        let (found, seen) = mpsc::unbounded_channel();
        let watching = tokio::spawn(watch(pipeline, before, Arc::clone(&answered), found));
        Self {
            answered,
            seen,
            watching,
        }
    }

    /// The request was answered.
    pub fn answered(&self) {
        self.answered.store(true, Ordering::SeqCst);
    }

    /// The next new state; `None`: there was none until then.
    pub async fn next(&mut self, until: Instant) -> Option<Observation> {
        time::timeout_at(until, self.seen.recv())
            .await
            .ok()
            .flatten()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn watch(
    mut pipeline: Pipeline,
    before: Observation,
    answered: Arc<AtomicBool>,
    found: UnboundedSender<Observation>,
) {
    let mut last: Option<Observation> = None;
    let mut answered_at = None;
    loop {
        // Read before the poll, so that the state is from after the answer.
        let is_after = answered.load(Ordering::SeqCst);
        let now = pipeline.observe().await;
        // Until something happens or is answered, the state is as before.
        let is_before = !is_after && last.is_none() && now.job == before.job;
        if !is_before && last.as_ref().is_none_or(|last| !last.shows(&now)) {
            last = Some(now.clone());
            if found.send(now).is_err() {
                return;
            }
        }
        if is_after && answered_at.get_or_insert_with(Instant::now).elapsed() > HURRY {
            time::sleep(POLL).await;
        }
    }
}

/// A pipeline of an engine, polled over one connection.
struct Pipeline {
    stream: BufReader<TcpStream>,
    requests: [String; 2],
}

impl Pipeline {
    async fn connect(authority: &str, pipeline: &str) -> Self {
        let stream = TcpStream::connect(authority).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let path = format!("/api/v1/pipelines/{pipeline}");
        Self {
            stream: BufReader::new(stream),
            requests: [format!("{path}/jobs"), path]
                .map(|path| format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n\r\n")),
        }
    }

    /// The job first, and then the pipeline, as the recorder did.
    async fn observe(&mut self) -> Observation {
        let jobs = self.get(0).await;
        let pipeline = self.get(1).await;
        Observation {
            at: 0,
            job: Job::new(&jobs["data"][0]),
            offer: Offer::new(&pipeline),
        }
    }

    async fn get(&mut self, request: usize) -> Value {
        let request = self.requests[request].as_bytes();
        self.stream.write_all(request).await.unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                None if line == "\r\n" => break,
                _ => assert!(!line.is_empty(), "closed"),
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

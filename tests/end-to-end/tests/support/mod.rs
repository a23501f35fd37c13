//! An engine, a transport to it, and queries for it.

#![allow(unreachable_pub, reason = "a test file is its own crate")]
#![allow(dead_code, reason = "each test file uses only part of it")]
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use stepwell::{HyperTransport, Options, PipelineSpec, SharedTransport, Transport as _};
use stepwell_embedded::Engine;

/// No step takes this long unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The collected rows.
#[derive(Clone, Default)]
pub struct Rows(Arc<Mutex<Vec<u8>>>);

impl Rows {
    pub fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        String::from_utf8_lossy(&bytes)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The numbers that follow `"counter":`, in the order of the rows.
    pub fn counters(&self) -> Vec<u64> {
        let number = |line: &String| {
            let rest = line.split("\"counter\":").nth(1).unwrap();
            rest.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
                .parse()
                .unwrap()
        };
        self.lines().iter().map(number).collect()
    }

    /// Waits until there are this many rows.
    pub async fn wait_for(&self, count: usize) {
        until(|| async { self.lines().len() >= count }).await;
    }
}

impl Write for Rows {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Waits for a condition, with a time limit.
pub async fn until<F: Future<Output = bool> + Send>(condition: impl Fn() -> F + Send + Sync) {
    let waited = tokio::time::timeout(PATIENCE, async {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while !condition().await {
            looks.tick().await;
        }
    });
    waited.await.unwrap();
}

/// The release that an engine imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    V0_15,
    V0_16,
}

/// An engine with its own state directory.
pub struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    pub async fn engine(&self) -> (Engine, Rows) {
        self.engine_of(Generation::V0_16).await
    }

    pub async fn engine_of(&self, generation: Generation) -> (Engine, Rows) {
        let rows = Rows::default();
        let builder = Engine::builder(self.state()).rows(Box::new(rows.clone()));
        let builder = match generation {
            Generation::V0_15 => builder.play_0_15(20),
            Generation::V0_16 => builder,
        };
        (builder.start().await.unwrap(), rows)
    }
}

pub fn transport(engine: &Engine) -> SharedTransport {
    HyperTransport::builder(engine.url())
        .build()
        .unwrap()
        .into_shared()
}

pub fn options() -> Options {
    Options::default()
        .with_running_timeout(PATIENCE)
        .with_stop_timeout(PATIENCE)
}

/// A query on an impulse table with these options.
pub fn query(impulse: &str, select: &str) -> String {
    format!("CREATE TABLE impulse WITH (connector = 'impulse', {impulse});\n{select};\n")
}

/// Counts until it is stopped.
pub fn counting(name: &str) -> PipelineSpec {
    // The name is part of the query, so that every name has its own query.
    let query = query(
        "event_rate = '50'",
        &format!("SELECT counter, '{name}' AS name FROM impulse"),
    );
    PipelineSpec::builder(query)
        .name(name)
        .force(true)
        .build()
        .unwrap()
}

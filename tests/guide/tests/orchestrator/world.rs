//! A server, a directory, and the lives of an orchestrator.

use std::{
    fs,
    future::{Future, pending},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use stepwell::{
    JobState, Options, PipelineId, Shutdown, StopMode,
    shutdown::{ShutdownEnd, ShutdownReport},
    transport::{Transport, TransportError},
};
use stepwell_control_plane::testing::{Failure, HeldPipeline, RunEnd, Server, Workers};
use tempfile::TempDir;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use crate::orchestrator::Orchestrator;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(3600);

pub(crate) struct World {
    pub(crate) server: Server,
    directory: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Server::builder().seed(1).build())
    }

    pub(crate) fn with(server: Server) -> Self {
        Self {
            server,
            directory: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn write(&self, name: &str, sql: &str) {
        fs::write(self.directory.path().join(format!("{name}.sql")), sql).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.directory.path().join(format!("{name}.sql"))).unwrap();
    }

    /// The ids that are written down for a file.
    pub(crate) fn noted(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.directory.path().join(format!("{name}.pipeline"))).ok()
    }

    /// Runs that fail three seconds after they have started.
    pub(crate) fn fail_runs_of(&self, fragment: &str) {
        let end = RunEnd::Failed {
            after: Duration::from_secs(3),
            failure: Failure::new("division by zero"),
        };
        self.server
            .set_workers(fragment, Workers::new().with_end(end));
    }

    /// Starts an orchestrator, as a new process does.
    pub(crate) fn start(&self) -> Life {
        self.start_to_be_killed(None)
    }

    /// The same, but it is killed at a request, before or after that takes effect.
    pub(crate) fn start_to_be_killed(&self, at: Option<(usize, Kill)>) -> Life {
        let watched = Watched {
            server: self.server.clone(),
            at,
            seen: Arc::default(),
            killed: Arc::default(),
        };
        let (sender, reports) = mpsc::unbounded_channel();
        let shutdown = Shutdown::new();
        let orchestrator = Orchestrator {
            directory: self.directory.path().to_owned(),
            server: watched.clone().into_shared(),
            shutdown: shutdown.clone(),
            options: Options::default().with_jitter_seed(7),
            report: move |name: &str, line: &str| {
                // A test that has seen enough does not listen any more.
                let _ = sender.send(format!("{name}: {line}"));
            },
        };
        Life {
            watched,
            shutdown,
            reports,
            told: Vec::new(),
            task: tokio::spawn(orchestrator.run()),
        }
    }

    /// The pipelines of this name.
    pub(crate) fn of(&self, name: &str) -> Vec<HeldPipeline> {
        let mut pipelines = self.server.pipelines();
        pipelines.retain(|pipeline| pipeline.name == name);
        pipelines
    }

    /// The only pipeline of this name runs, with this query.
    #[track_caller]
    pub(crate) fn assert_runs(&self, name: &str, query: &str, told: &str) -> PipelineId {
        let pipelines = self.of(name);
        let [pipeline] = &*pipelines else {
            panic!("{told}: {pipelines:#?}");
        };
        assert_eq!(pipeline.query, query, "{told}");
        assert_eq!(pipeline.state, JobState::Running, "{told}");
        pipeline.id.clone()
    }
}

pub(crate) struct Life {
    pub(crate) watched: Watched,
    shutdown: Shutdown,
    reports: mpsc::UnboundedReceiver<String>,
    /// What was reported and not waited for.
    told: Vec<String>,
    task: JoinHandle<()>,
}

impl Life {
    /// Waits for the next report of this file, which has these words.
    pub(crate) async fn next(&mut self, name: &str, words: &str) -> String {
        let line = self.until(name, "").await;
        assert!(line.contains(words), "{line}");
        line
    }

    /// Waits for a report of this file with these words.
    pub(crate) async fn until(&mut self, name: &str, words: &str) -> String {
        let name = format!("{name}: ");
        loop {
            while let Some(at) = self.told.iter().position(|line| line.starts_with(&name)) {
                let line = self.told.remove(at);
                if line.contains(words) {
                    return line;
                }
            }
            let report = tokio::time::timeout(LONG, self.reports.recv()).await;
            let report = report.unwrap_or_else(|_| panic!("no {words:?} of {name}"));
            self.told.push(report.expect("it has ended"));
        }
    }

    /// What was reported and not waited for.
    pub(crate) fn others(&mut self) -> Vec<String> {
        while let Ok(line) = self.reports.try_recv() {
            self.told.push(line);
        }
        std::mem::take(&mut self.told)
    }

    /// As on SIGTERM.
    pub(crate) async fn drain(self) -> ShutdownReport {
        let report = self.shutdown.drain(Duration::from_secs(30)).await.unwrap();
        tokio::time::timeout(LONG, self.task)
            .await
            .expect("it ends")
            .unwrap();
        for entry in &report.entries {
            assert!(matches!(entry.end, ShutdownEnd::Left), "{report}");
        }
        report
    }

    /// As `kill -9`: whatever it was doing is not done.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kill {
    /// The request does not reach the server.
    Before,
    /// The server carries it out.
    After,
}

/// A transport over which no request is sent after a kill, and that counts what is meant to run at once.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    server: Server,
    at: Option<(usize, Kill)>,
    seen: Arc<Mutex<Seen>>,
    killed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Seen {
    requests: usize,
    most_at_once: usize,
}

impl Watched {
    pub(crate) async fn killed(&self) {
        self.killed.notified().await;
    }

    /// How many pipelines of one name were meant to run at once, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.seen.lock().unwrap().most_at_once
    }

    async fn die(&self) -> Result<Response<Bytes>, TransportError> {
        self.killed.notify_one();
        pending().await
    }
}

impl Transport for Watched {
    fn execute(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send {
        let this = self.clone();
        async move {
            let number = {
                let mut seen = this.seen.lock().unwrap();
                seen.requests += 1;
                seen.requests - 1
            };
            let kill = this.at.filter(|(at, _)| number >= *at);
            match kill {
                Some((at, Kill::After)) if number == at => {}
                Some(_) => return this.die().await,
                None => {}
            }
            let reply = this.server.execute(request).await;
            let now = most_meant_to_run(&this.server);
            {
                let mut seen = this.seen.lock().unwrap();
                seen.most_at_once = seen.most_at_once.max(now);
            }
            if kill.is_some() {
                return this.die().await;
            }
            reply
        }
    }
}

/// Of one name.
fn most_meant_to_run(server: &Server) -> usize {
    let mut names = server
        .pipelines()
        .into_iter()
        .filter(|pipeline| {
            let has_ended = matches!(pipeline.state, JobState::Finished | JobState::Failed);
            pipeline.stop == StopMode::None && !has_ended
        })
        .map(|pipeline| pipeline.name)
        .collect::<Vec<_>>();
    names.sort();
    let runs = names.chunk_by(|a, b| a == b);
    runs.map(<[_]>::len).max().unwrap_or_default()
}

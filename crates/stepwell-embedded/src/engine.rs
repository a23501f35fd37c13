//! The engine as a whole: how its parts are started and closed.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stepwell_arroyo::PipelineId;
use stepwell_control_plane::{Generation, Options, Scheduler};
use tokio::sync::{mpsc, watch};
use tokio::{task, time};

use crate::controller::{ControllerThread, Core, ResumedPipeline};
use crate::error::EngineError;
use crate::server::{Listener, Server};
use crate::worker::{Foreground, JobCounters, JobOutputs, RowWriter, Supervisor, Workers};

/// How long [`Engine::close`] waits for a writer that blocks.
const ROWS_TIMEOUT: Duration = Duration::from_secs(1);

/// A control plane and its workers in this process, behind Arroyo's REST API on a loopback port.
///
/// Pipelines that are not stopped are resumed from their last checkpoint when an engine is next started in the same state directory, as
/// Arroyo resumes them after a signal. A dropped engine ends in the background without waiting for anything; [`close`](Self::close)
/// ends it in order.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use stepwell_embedded::Engine;
///
/// # let directory = tempfile::tempdir()?;
/// # let state_dir = directory.path().join("state");
/// let engine = Engine::builder(state_dir).rows(Box::new(std::io::stdout())).start().await?;
/// println!("send requests to {}/api/v1", engine.url());
/// engine.close().await?;
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "an engine ends when it is dropped"]
pub struct Engine {
    state_dir: PathBuf,
    address: SocketAddr,
    // In the order in which they are closed: no more requests, no more work, no more writes.
    server: Server,
    supervisor: Supervisor,
    controller: ControllerThread,
    rows: RowWriter,
    foreground: watch::Sender<Foreground>,
    resumed: Vec<ResumedPipeline>,
    outputs: JobOutputs,
}

impl Engine {
    /// Prepares an engine that keeps its state in `state_dir`, which is created if it does not exist.
    pub fn builder(state_dir: impl Into<PathBuf>) -> EngineBuilder {
        EngineBuilder {
            state_dir: state_dir.into(),
            rows: Box::new(io::stdout()),
            foreground: Foreground::All,
            port: 0,
            idle: false,
            control_plane: Options::default(),
        }
    }

    /// The base URL of the REST API, without `/api`: `http://127.0.0.1:PORT`. The status pages are there too.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The directory that holds the state, as it was given. Other processes find the engine by it ([`StateLook`](crate::StateLook)).
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The pipelines that [`start`](EngineBuilder::start) resumed because they were running when the directory was last used. Empty for
    /// an [idle](EngineBuilder::idle) engine.
    pub fn resumed_at_start(&self) -> &[ResumedPipeline] {
        &self.resumed
    }

    /// Writes the rows of this pipeline, beginning with those that were [held](EngineBuilder::foreground_rows). The rows of all other
    /// pipelines go only to clients that follow them over HTTP; that includes rows that an earlier run could not write.
    ///
    /// The pipeline need not exist yet. A later call replaces an earlier one.
    pub fn show_rows_of(&self, pipeline: &PipelineId) {
        self.foreground
            .send_replace(Foreground::Only(pipeline.clone()));
    }

    /// Waits until changes could not be saved for as long as `patience`, because the disk is full, say. Returns why.
    ///
    /// Until they can be saved again, requests are refused, so a stop is not carried out. [`close`](Self::close) ends the pipelines all
    /// the same, without a checkpoint.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn cannot_save(&self, patience: Duration) -> String {
        let mut failure = self.controller.save_failure();
        loop {
            if failure.wait_for(Option::is_some).await.is_err() {
                return EngineError::ControllerGone.to_string();
            }
            let recovered = failure.wait_for(Option::is_none);
            let has_recovered = time::timeout(patience, recovered).await.is_ok();
            if !has_recovered && let Some(cause) = failure.borrow().clone() {
                return cause;
            }
        }
    }

    /// Ends the engine in order: requests in progress are finished, workers end at once, and the directory is unlocked once everything is
    /// written.
    ///
    /// No checkpoint is taken, so running pipelines are resumed from their last one at the next start. To end at an exact point, stop the
    /// pipelines with a checkpoint first.
    ///
    /// # Errors
    ///
    /// [`EngineError::Database`] if the last changes could not be written; the directory then has the state before them.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the engine ends in the background.
    pub async fn close(self) -> Result<(), EngineError> {
        let Self {
            server,
            supervisor,
            controller,
            rows,
            outputs,
            ..
        } = self;
        // Clients that follow a job would otherwise keep the server open until its timeout.
        outputs.close();
        server.close().await;
        supervisor.close().await;
        // If the writer is blocked, these rows are printed again from the last checkpoint.
        let _ = time::timeout(ROWS_TIMEOUT, rows.flush()).await;
        drop(rows);
        controller.close().await
    }
}

/// Sets up an [`Engine`].
#[must_use = "nothing happens until the engine is started"]
pub struct EngineBuilder {
    state_dir: PathBuf,
    rows: Box<dyn Write + Send>,
    foreground: Foreground,
    port: u16,
    idle: bool,
    control_plane: Options,
}

impl EngineBuilder {
    /// The writer for the rows of a bare `SELECT` and of the `stdout` connector, of all pipelines: one JSON object per line, flushed as
    /// soon as no more rows wait. The default is standard output.
    ///
    /// The writer has a thread of its own and may block: the queries then wait, and so does a stop with a checkpoint.
    ///
    /// If it fails, no row is lost. The engine does not use it again. A pipeline that has rows for it stops reading its sources, stays
    /// Running, and waits to be stopped. Its checkpoints contain every row that was not written to its last byte, and the next run
    /// writes these first. A writer with a buffer of its own may see rows twice: bytes count as written once a flush succeeds.
    pub fn rows(mut self, writer: Box<dyn Write + Send>) -> Self {
        self.rows = writer;
        self.foreground = Foreground::All;
        self
    }

    /// Like [`rows`](Self::rows), but only for the pipeline that [`Engine::show_rows_of`] names.
    ///
    /// Until that is called, rows are held. A pipeline with held rows stops reading its sources; it is Running and can be watched and
    /// stopped as usual, and its checkpoints contain the held rows.
    pub fn foreground_rows(mut self, writer: Box<dyn Write + Send>) -> Self {
        self.rows = writer;
        self.foreground = Foreground::Undecided;
        self
    }

    /// The loopback port to listen on. With 0, the default, the system chooses one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Runs nothing: pipelines that are running, or that are told to run, wait for the next engine in the directory. Those that are told to
    /// stop, stop. This is for checking a query, or for deleting a pipeline. To look at the state, see [`StateLook`](crate::StateLook).
    pub fn idle(mut self) -> Self {
        self.idle = true;
        self
    }

    /// Behaves like Arroyo 0.15.0 with workers in processes. Public for tests only, which run a client against both generations: the API
    /// is then not the documented one. A job fails for good after `allowed_restarts` restarts; the server allows 20.
    #[doc(hidden)]
    pub fn play_0_15(mut self, allowed_restarts: u32) -> Self {
        self.control_plane.generation = Generation::V0_15(Scheduler::Process);
        self.control_plane.allowed_restarts = allowed_restarts;
        self
    }

    /// Opens the state directory, starts the server, and resumes the pipelines that were running.
    ///
    /// # Errors
    ///
    /// Every variant of [`EngineError`] except [`ControllerGone`](EngineError::ControllerGone) has a cause outside the engine.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the parts that were started end in the background. A state directory that was created stays.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime with time and I/O enabled.
    pub async fn start(self) -> Result<Engine, EngineError> {
        let Self {
            state_dir,
            rows,
            foreground,
            port,
            idle,
            control_plane,
        } = self;
        let path = state_dir.clone();
        let core = task::spawn_blocking(move || Core::open(&path, control_plane))
            .await
            .unwrap_or(Err(EngineError::ControllerGone))?;
        let listener = Listener::bind(port).await?;
        let address = listener.address();
        if !idle {
            core.announce(&format!("http://{address}"))?;
        }
        let counters = JobCounters::default();
        let rows = RowWriter::start(rows)?;
        let (foreground, of_workers) = watch::channel(foreground);
        let planner = core.planner();
        let resumed = if idle { Vec::new() } else { core.resumed() };
        let (orders, received) = mpsc::unbounded_channel();
        let controller = ControllerThread::start(core, orders, counters.clone(), idle)?;
        let outputs = JobOutputs::default();
        let server = listener.serve(
            controller.handle(),
            planner.clone(),
            outputs.clone(),
            counters.clone(),
        );
        let workers = Workers {
            controller: controller.handle(),
            planner,
            rows: rows.clone(),
            foreground: of_workers,
            outputs: outputs.clone(),
            counters,
        };
        let supervisor = Supervisor::start(received, workers);
        Ok(Engine {
            state_dir,
            address,
            server,
            supervisor,
            controller,
            rows,
            foreground,
            resumed,
            outputs,
        })
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EngineBuilder")
            .field("state_dir", &self.state_dir)
            .field("port", &self.port)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

//! The engine as a whole: what is started, in which order it is ended.

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

/// How long [`Engine::close`] waits for the rows to be written by a writer that does not take them.
const ROWS_TIMEOUT: Duration = Duration::from_secs(1);

/// A control plane and its workers in this process, behind an Arroyo's REST API on a loopback port.
///
/// Everything that is not stopped goes on when an engine is next started in the same state directory: from the last
/// checkpoint, as with a real Arroyo after a signal. A dropped engine ends in the background, without waiting for anything;
/// [`close`](Self::close) ends it in order.
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
    // In the order in which they are to be ended: no more requests, no more work, no more writes.
    server: Server,
    supervisor: Supervisor,
    controller: ControllerThread,
    rows: RowWriter,
    foreground: watch::Sender<Foreground>,
    resumed: Vec<ResumedPipeline>,
    outputs: JobOutputs,
}

impl Engine {
    /// Prepares an engine that keeps its state in `state_dir`, which is made if there is none.
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

    /// The base URL of the REST API, without `/api`: `http://127.0.0.1:PORT`. A browser finds the status pages there.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The directory that holds the state, as it was given.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The pipelines that were running when the directory was last used, and that [`start`](EngineBuilder::start) has therefore started
    /// again. Empty for an [idle](EngineBuilder::idle) engine.
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

    /// Ends the engine in order: requests that are being answered are finished, workers end where they are, and the
    /// directory is unlocked with everything written.
    ///
    /// No checkpoint is made, so what is running goes on from its last one at the next start. For an exact end stop the
    /// pipelines with a checkpoint first.
    ///
    /// # Errors
    ///
    /// [`EngineError::Database`] when the last changes could not be written; the state is then the last one that could.
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
        // Or who follows a job would hold the server until its patience ends.
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
    /// Where the rows of a bare `SELECT` and of the `stdout` connector go, whichever pipeline they belong to: one JSON object a line,
    /// flushed as soon as no more rows wait. The default is standard output.
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

    /// The port to listen on, on loopback. 0, which is what it is if nothing is said, lets the system choose.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets nothing going: what is running, or is told to run, waits for the next engine in the directory. To look at it, or to check a
    /// query.
    pub fn idle(mut self) -> Self {
        self.idle = true;
        self
    }

    /// Answers and acts as a 0.15.0 whose workers are processes, so that tests can hold a client to both generations. Its API is then not
    /// the one that is documented. A job fails for good after so many restarts; 20 on a real server.
    #[doc(hidden)]
    pub fn play_0_15(mut self, allowed_restarts: u32) -> Self {
        self.control_plane.generation = Generation::V0_15(Scheduler::Process);
        self.control_plane.allowed_restarts = allowed_restarts;
        self
    }

    /// Opens the state directory, starts to serve, and sets going again what was running.
    ///
    /// # Errors
    ///
    /// Each variant of [`EngineError`] but [`ControllerGone`](EngineError::ControllerGone) names a cause outside of the engine.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, what was started ends in the background. A state directory that was made stays.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime that has time and I/O enabled.
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

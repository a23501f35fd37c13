use stepwell_arroyo::{ErrorDomain, JobId, PipelineId, StopMode, Udf};

/// What workers have to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Start a run; answered by [`WorkerEvent::Started`] or [`WorkerEvent::Failed`].
    Start {
        /// The pipeline.
        pipeline: PipelineId,
        /// Its job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// How many subtasks.
        parallelism: u32,
        /// The query.
        query: String,
        /// Its user-defined functions.
        udfs: Vec<Udf>,
        /// The checkpoint to start from; none: from the beginning.
        restore: Option<u64>,
    },
    /// Take a checkpoint; answered by [`WorkerEvent::CheckpointStored`], and if it is a stopping one then by
    /// [`WorkerEvent::Stopped`].
    Checkpoint {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The checkpoint's number.
        epoch: u64,
        /// Whether the run ends with it.
        stopping: bool,
    },
    /// End a run without a checkpoint; answered by [`WorkerEvent::Stopped`].
    Stop {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// How.
        mode: StopMode,
    },
    /// The job is gone: whatever is kept for it is of no more use.
    Forget {
        /// The job.
        job: JobId,
    },
}

/// What became of workers. An event of a run that is over is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// The run has begun.
    Started {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// How many tasks it has: its operators times its subtasks.
        tasks: u64,
    },
    /// A checkpoint is durable.
    CheckpointStored {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The checkpoint's number.
        epoch: u64,
    },
    /// A checkpoint could not be made; the run goes on.
    CheckpointFailed {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The checkpoint's number.
        epoch: u64,
    },
    /// The run has ended as it was told to.
    Stopped {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
    },
    /// The run's sources have ended and all their rows are through.
    Finished {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
    },
    /// The run has failed.
    Failed {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The text of the error.
        error: String,
        /// Whose fault it is.
        domain: ErrorDomain,
        /// Whether another run may do better.
        retryable: bool,
    },
    /// A source has dropped rows that it could not read.
    DataDropped {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The operator.
        operator: String,
        /// How many.
        rows: u64,
        /// What is wrong with the first of them.
        error: String,
    },
    /// Nothing has been heard of a worker of the run for too long. Another run is tried, and the job's log says nothing of it.
    Lost {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
    },
}

impl WorkerEvent {
    pub(crate) fn run(&self) -> (&JobId, u64) {
        match self {
            Self::Started { job, run_id, .. }
            | Self::CheckpointStored { job, run_id, .. }
            | Self::CheckpointFailed { job, run_id, .. }
            | Self::Stopped { job, run_id }
            | Self::Finished { job, run_id }
            | Self::DataDropped { job, run_id, .. }
            | Self::Lost { job, run_id }
            | Self::Failed { job, run_id, .. } => (job, *run_id),
        }
    }
}

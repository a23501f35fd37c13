use stepwell_arroyo::{ErrorDomain, JobId, PipelineId, StopMode, Udf};

/// A command for the workers.
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
        /// The number of subtasks of each operator.
        parallelism: u32,
        /// The query.
        query: String,
        /// Its user-defined functions.
        udfs: Vec<Udf>,
        /// The checkpoint to restore, or `None` to start from the beginning.
        restore: Option<u64>,
    },
    /// Take a checkpoint; answered by [`WorkerEvent::CheckpointStored`], and then by [`WorkerEvent::Stopped`] if the checkpoint is a
    /// stopping one.
    Checkpoint {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The checkpoint's number.
        epoch: u64,
        /// Whether the run ends after this checkpoint.
        stopping: bool,
    },
    /// End a run without a checkpoint; answered by [`WorkerEvent::Stopped`].
    Stop {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The stop mode.
        mode: StopMode,
    },
    /// The job was deleted: everything kept for it can be discarded.
    Forget {
        /// The job.
        job: JobId,
    },
}

/// A report from the workers. Events of a run that has ended are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// The run has started.
    Started {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The number of tasks: operators times subtasks.
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
    /// A checkpoint failed; the run continues.
    CheckpointFailed {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The checkpoint's number.
        epoch: u64,
    },
    /// The run has stopped as requested.
    Stopped {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
    },
    /// The run's sources have ended and all their rows have been processed.
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
        /// Which party caused the error.
        domain: ErrorDomain,
        /// Whether another run may succeed.
        retryable: bool,
    },
    /// A source has dropped rows that it could not parse.
    DataDropped {
        /// The job.
        job: JobId,
        /// The run.
        run_id: u64,
        /// The operator.
        operator: String,
        /// The number of dropped rows.
        rows: u64,
        /// What is wrong with the first dropped row.
        error: String,
    },
    /// A worker of the run has not been heard from for too long. Another run is started; the job's log does not mention the loss.
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

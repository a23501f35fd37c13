use serde::{Deserialize, Serialize};
use stepwell_arroyo::{
    Checkpoint, CheckpointType, Job, JobError, JobState, Pipeline, PipelineId, StopMode,
};

/// A pipeline with everything that must be stored to continue after a restart of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub(crate) pipeline: Pipeline,
    /// Orders pipelines with the same `created_at`.
    pub(crate) sequence: u64,
    pub(crate) parallelism: u32,
    /// `None` if the create failed after the row was written: `GET` does not show the pipeline, but its id is taken.
    pub(crate) job: Option<JobRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    /// The job as the API shows it, except that `running_desired` follows the pipeline's `stop`.
    pub(crate) shown: Job,
    #[serde(with = "crate::history")]
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) errors: Vec<JobError>,
    /// The number of the next checkpoint.
    pub(crate) next_epoch: u64,
    /// When the last checkpoint, or the run, started.
    pub(crate) last_checkpoint: u64,
    /// The checkpoint in progress.
    pub(crate) in_flight: Option<InFlight>,
    /// A restart that was requested and has not begun.
    pub(crate) restart: Option<Restart>,
    /// The checkpoint that the next run starts from.
    #[serde(default)]
    pub(crate) beginning: Beginning,
    /// Checkpoints up to this one are older than a run that started from nothing.
    #[serde(default)]
    pub(crate) ignored_epoch: u64,
    /// Whether the next `PATCH` also restarts the job.
    pub(crate) patch_restarts: bool,
    /// How that restart is made.
    #[serde(default)]
    pub(crate) patch_restart: Restart,
    /// Whether workers are running or starting the current run.
    pub(crate) has_worker: bool,
    /// The parallelism of the current run.
    pub(crate) running_parallelism: u32,
    /// How often the job has recovered since it was started.
    pub(crate) recoveries: u32,
    /// When the job leaves Failing or Recovering.
    pub(crate) pause_until: u64,
    /// Whether the next run keeps the start time.
    pub(crate) keep_start_time: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InFlight {
    pub(crate) epoch: u64,
    pub(crate) stopping: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Beginning {
    #[default]
    Checkpoint,
    Nothing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Restart {
    /// Takes a checkpoint first.
    #[default]
    Safe,
    /// Restarts at once.
    Force,
}

impl Record {
    /// The id of the pipeline.
    pub fn id(&self) -> &PipelineId {
        &self.pipeline.id
    }

    /// The name of the pipeline.
    pub fn name(&self) -> &str {
        &self.pipeline.name
    }

    /// Whether the job runs, or will run without another request.
    pub fn is_going(&self) -> bool {
        let Some(job) = &self.job else {
            return false;
        };
        let starts = match job.state() {
            JobState::Finished => false,
            JobState::Failing | JobState::Failed => job.restart.is_some(),
            _ => true,
        };
        starts && self.is_told_to_run()
    }

    /// When each complete final checkpoint started, in microseconds of Unix time, even if the server does not show checkpoint kinds.
    pub fn final_checkpoints(&self) -> impl Iterator<Item = u64> {
        let checkpoints = self.job.iter().flat_map(|job| &job.checkpoints);
        let complete = checkpoints.filter(|checkpoint| {
            checkpoint.finish_time.is_some()
                && checkpoint.checkpoint_type == Some(CheckpointType::Stopping)
        });
        complete.map(|checkpoint| checkpoint.start_time)
    }

    pub(crate) fn is_listed(&self) -> bool {
        self.job.is_some() && !self.pipeline.preview
    }

    pub(crate) fn is_told_to_run(&self) -> bool {
        self.pipeline.stop == StopMode::None
    }

    /// Whether a tick has nothing to do for this record, whatever the time.
    pub(crate) fn is_at_rest(&self) -> bool {
        let Some(job) = &self.job else {
            return true;
        };
        match job.state() {
            JobState::Finished => true,
            JobState::Stopped => !self.is_told_to_run(),
            JobState::Failed => !self.is_told_to_run() || job.restart.is_none(),
            _ => false,
        }
    }
}

impl JobRecord {
    pub(crate) fn new(job: Job, parallelism: u32) -> Self {
        Self {
            last_checkpoint: job.created_at,
            shown: job,
            checkpoints: Vec::new(),
            errors: Vec::new(),
            next_epoch: 1,
            in_flight: None,
            restart: None,
            beginning: Beginning::default(),
            ignored_epoch: 0,
            patch_restarts: false,
            patch_restart: Restart::default(),
            has_worker: false,
            running_parallelism: parallelism,
            recoveries: 0,
            pause_until: 0,
            keep_start_time: false,
        }
    }

    /// A copy without checkpoints and errors, for telling cheaply whether a tick has changed anything: a tick that changes checkpoints also
    /// changes their number or the one in progress, and it never changes errors.
    pub(crate) fn without_history(&self) -> Self {
        Self {
            shown: self.shown.clone(),
            checkpoints: Vec::new(),
            errors: Vec::new(),
            ..*self
        }
    }

    pub(crate) fn is_in_final_checkpoint(&self) -> bool {
        self.in_flight.is_some_and(|in_flight| in_flight.stopping)
    }

    /// Continues numbering from the checkpoint that the run starts with; later checkpoints are gone (recordings
    /// `110_stop_checkpoint_checkpoints` and `137_checkpoints_after` of 0.15.0).
    pub(crate) fn number_checkpoints_anew(&mut self, from_nothing: bool) {
        let newest = self.newest_epoch().filter(|_| !from_nothing);
        self.checkpoints
            .retain(|checkpoint| newest.is_some_and(|newest| checkpoint.epoch <= newest));
        self.next_epoch = newest.map_or(1, |newest| newest + 1);
    }

    pub(crate) fn state(&self) -> &JobState {
        &self.shown.state
    }

    /// The newest complete checkpoint that a run can start from.
    pub(crate) fn newest_epoch(&self) -> Option<u64> {
        let complete = self
            .checkpoints
            .iter()
            .filter(|checkpoint| checkpoint.finish_time.is_some())
            .filter(|checkpoint| checkpoint.epoch > self.ignored_epoch);
        complete.map(|checkpoint| checkpoint.epoch).max()
    }
}

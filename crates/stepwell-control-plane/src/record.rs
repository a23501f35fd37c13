use serde::{Deserialize, Serialize};
use stepwell_arroyo::{
    Checkpoint, CheckpointType, Job, JobError, JobState, Pipeline, PipelineId, StopMode,
};

/// A pipeline with all that belongs to it: what has to be kept to go on after a restart of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub(crate) pipeline: Pipeline,
    /// The order of creation within one `created_at`.
    pub(crate) sequence: u64,
    pub(crate) parallelism: u32,
    /// `None`: the create broke off after the row was written. `GET` does not show it, and its id is taken.
    pub(crate) job: Option<JobRecord>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    /// As it is shown; `running_desired` follows the pipeline's `stop`.
    pub(crate) shown: Job,
    #[serde(with = "crate::history")]
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) errors: Vec<JobError>,
    /// The number of the next checkpoint.
    pub(crate) next_epoch: u64,
    /// When the last checkpoint was begun, or the run.
    pub(crate) last_checkpoint: u64,
    /// A checkpoint under way.
    pub(crate) in_flight: Option<InFlight>,
    /// A restart that was asked for and not begun.
    pub(crate) restart: Option<Restart>,
    /// Where the next run begins.
    #[serde(default)]
    pub(crate) beginning: Beginning,
    /// Checkpoints up to this one are of before a run that began from nothing.
    #[serde(default)]
    pub(crate) ignored_epoch: u64,
    /// The next patch restarts too.
    pub(crate) patch_restarts: bool,
    /// How that restart is made.
    #[serde(default)]
    pub(crate) patch_restart: Restart,
    /// Whether workers are at work on the current run, or are being started.
    pub(crate) has_worker: bool,
    /// The parallelism of the current run.
    pub(crate) running_parallelism: u32,
    /// How often it has recovered since it was started.
    pub(crate) recoveries: u32,
    /// When it leaves Failing or Recovering.
    pub(crate) pause_until: u64,
    /// The run that comes next keeps its start time.
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
    /// With a checkpoint first.
    #[default]
    Safe,
    /// At once.
    Force,
}

impl Record {
    /// The pipeline that it is the record of.
    pub fn id(&self) -> &PipelineId {
        &self.pipeline.id
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.pipeline.name
    }

    /// Whether it runs, or will run without another request.
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

    /// When the final checkpoints began that are complete, in microseconds of Unix time; whether the server shows their kind or not.
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

    /// Whether a look at it finds nothing to do, whatever the time is.
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

    /// What of it is small. A look that changes the checkpoints changes their number or what is under way as well, and the errors are
    /// none of its business: so whether it has changed anything is told by this, without a copy of the hundreds that there may be.
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

    /// Numbers go on from the checkpoint that the run begins with, and those above it are gone (recordings `110_stop_checkpoint_checkpoints`
    /// and `137_checkpoints_after` of 0.15.0).
    pub(crate) fn number_checkpoints_anew(&mut self, from_nothing: bool) {
        let newest = self.newest_epoch().filter(|_| !from_nothing);
        self.checkpoints
            .retain(|checkpoint| newest.is_some_and(|newest| checkpoint.epoch <= newest));
        self.next_epoch = newest.map_or(1, |newest| newest + 1);
    }

    pub(crate) fn state(&self) -> &JobState {
        &self.shown.state
    }

    /// The newest checkpoint that is complete, and that a run can go on from.
    pub(crate) fn newest_epoch(&self) -> Option<u64> {
        let complete = self
            .checkpoints
            .iter()
            .filter(|checkpoint| checkpoint.finish_time.is_some())
            .filter(|checkpoint| checkpoint.epoch > self.ignored_epoch);
        complete.map(|checkpoint| checkpoint.epoch).max()
    }
}

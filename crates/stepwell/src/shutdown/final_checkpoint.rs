//! Whether a run that has ended left a final checkpoint; the answer is definite only if the observations prove it.
//!
//! A server after 0.15 reports the kind of each checkpoint. One up to 0.15 does not (recording `510_stop_checkpoint_checkpoints` of
//! 0.15.0): there, a final checkpoint shows only in that the job went through CheckpointStopping to Stopped and has one more checkpoint
//! than before.

use stepwell_arroyo::{Checkpoint, CheckpointType, Job, JobId, JobState, StopMode};

/// The longest time from a final checkpoint to the end of its run (recording `213_get_jobs_stopped`: 3 ms), in microseconds: one tick of
/// the controller. A run that begins and ends within it processes next to nothing.
const LOOK: u64 = 500_000;

/// What was observed of a job that was asked to stop, as far as it shows whether its final checkpoint was taken.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The checkpoints before the stop was requested; `None` if they could not be read.
    before: Option<Vec<Checkpoint>>,
    /// The job at that time, and its run, or the run that it was about to begin.
    job: Option<(JobId, u64)>,
    /// Whether another client had by then asked it to stop or to restart.
    was_told: bool,
    /// The run last seen taking its final checkpoint, unless a later observation shows that the checkpoint was aborted.
    taken_in: Option<u64>,
    /// Whether a stop of another kind was requested, which aborts a final checkpoint.
    other_stop: bool,
}

/// What the evidence proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Known(bool),
    NotKnown,
    /// It was taken if the desired state is still a stop with a checkpoint: a stop of another kind would have aborted it.
    MadeIfStillAsked,
}

impl Evidence {
    pub(super) fn before(job: &Job, checkpoints: Option<Vec<Checkpoint>>) -> Self {
        let mut evidence = Self {
            before: checkpoints,
            job: Some((
                job.id.clone(),
                job.run_id + u64::from(job.state == JobState::Created),
            )),
            ..Self::default()
        };
        evidence.saw_before(job);
        evidence
    }

    /// Whether `before` may contain a checkpoint of a stop that came between reading the job and reading its checkpoints.
    pub(super) fn may_be_late(&self, job: &Job) -> bool {
        let mut before = self.before.iter().flatten();
        let is_begun = before.any(|checkpoint| {
            checkpoint.finish_time.is_none() && checkpoint.checkpoint_type.is_none()
        });
        is_begun || self.may_have_it(job)
    }

    /// Whether the newest finished checkpoint before may be a final one.
    fn may_have_it(&self, job: &Job) -> bool {
        let newest = self.before.as_deref().and_then(|rows| newest(rows, job));
        newest.is_some_and(|checkpoint| {
            checkpoint.checkpoint_type.is_none() || is_stopping(checkpoint)
        })
    }

    /// Whether nothing can be proved, so that the checkpoints need not be read again.
    pub(super) fn is_lost(&self) -> bool {
        self.before.is_none()
    }

    /// Records an observation of the job.
    pub(super) fn saw(&mut self, job: &Job) {
        match job.state {
            JobState::CheckpointStopping => self.taken_in = Some(job.run_id),
            JobState::Stopped => {}
            _ => self.taken_in = None,
        }
    }

    /// Records an observation of the job before anything was requested of it.
    pub(super) fn saw_before(&mut self, job: &Job) {
        // Another client may have cancelled a stop too late, or taken a checkpoint of this kind to restart the job.
        let is_ending = job.state.is_terminal()
            || matches!(
                job.state,
                JobState::CheckpointStopping
                    | JobState::Stopping
                    | JobState::Restarting
                    | JobState::Rescaling
            );
        self.was_told |= !job.running_desired || is_ending;
        self.saw(job);
    }

    /// Records that reading the job failed before anything was requested of it.
    pub(super) fn missed_before(&mut self) {
        self.was_told = true;
    }

    /// Records which stop is requested.
    pub(super) fn asks(&mut self, mode: &StopMode) {
        self.other_stop |= *mode != StopMode::Checkpoint;
    }

    /// What the evidence proves for a job that has ended, given its checkpoints.
    pub(super) fn finding(&self, job: &Job, after: &[Checkpoint]) -> Finding {
        let (Some(before), Some((job_before, run))) = (&self.before, &self.job) else {
            return Finding::NotKnown;
        };
        if *job_before != job.id {
            // It was deleted, and created again under the same id.
            return Finding::NotKnown;
        }
        let is_new = |checkpoint: &&Checkpoint| {
            checkpoint.finish_time.is_some()
                && !before.iter().any(|old| self.is_same(old, checkpoint))
        };
        let new: Vec<_> = after.iter().filter(is_new).collect();
        // Between the last look and the reading of the checkpoints it may have run again.
        let is_later = |checkpoint: &&Checkpoint| {
            job.finish_time
                .is_some_and(|ended| checkpoint.start_time > ended)
        };
        if new.iter().copied().any(|checkpoint| is_later(&checkpoint)) {
            return Finding::NotKnown;
        }
        if new.iter().any(|checkpoint| is_stopping(checkpoint)) {
            // Between two runs it may be one that a restart took.
            return if *run == job.run_id {
                Finding::Known(true)
            } else {
                Finding::NotKnown
            };
        }
        if new
            .iter()
            .any(|checkpoint| checkpoint.checkpoint_type.is_none())
        {
            let was_seen = self.taken_in == Some(job.run_id) && job.state == JobState::Stopped;
            return if was_seen && !self.other_stop && !is_under_way(after) {
                Finding::MadeIfStillAsked
            } else {
                Finding::NotKnown
            };
        }
        // The other stop may have been over before the first look.
        let may_be_older = self.was_told
            && (self.may_have_it(job) || newest(after, job).is_some_and(|it| ends_with(job, it)));
        if may_be_older {
            Finding::NotKnown
        } else {
            Finding::Known(false)
        }
    }

    /// Whether the checkpoint was there before, so that it proves nothing about this stop. One without a kind that was under way was a
    /// periodic one, unless the job was being stopped.
    fn is_same(&self, old: &Checkpoint, checkpoint: &Checkpoint) -> bool {
        let is_periodic = checkpoint.checkpoint_type.is_none() && !self.was_told;
        // Epochs restart with a run that begins without state.
        (old.epoch, old.start_time) == (checkpoint.epoch, checkpoint.start_time)
            && (old.finish_time.is_some() || is_periodic)
    }
}

/// What the checkpoints alone prove for a job that had ended before anything was requested of it.
pub(super) fn finding_afterwards(job: &Job, checkpoints: &[Checkpoint]) -> Finding {
    match newest(checkpoints, job) {
        Some(checkpoint) if checkpoint.checkpoint_type.is_none() => Finding::NotKnown,
        // A restart takes a checkpoint of this kind too, but it is not the end of a run; unless the next one fails at once.
        Some(checkpoint) if is_stopping(checkpoint) && job.state == JobState::Failed => {
            Finding::NotKnown
        }
        Some(checkpoint) if is_stopping(checkpoint) && ends_with(job, checkpoint) => {
            Finding::MadeIfStillAsked
        }
        Some(checkpoint) if is_stopping(checkpoint) => Finding::NotKnown,
        // A server that was upgraded from 0.15 reports the checkpoints of that release as scheduled ones.
        Some(checkpoint) if ends_with(job, checkpoint) => Finding::NotKnown,
        _ => Finding::Known(false),
    }
}

/// The newest finished checkpoint since the job started.
fn newest<'a>(checkpoints: &'a [Checkpoint], job: &Job) -> Option<&'a Checkpoint> {
    let is_of_run = |checkpoint: &&Checkpoint| {
        checkpoint.finish_time.is_some()
            && job
                .start_time
                .is_none_or(|started| checkpoint.start_time >= started)
    };
    let of_run = checkpoints.iter().filter(is_of_run);
    of_run.max_by_key(|checkpoint| checkpoint.start_time)
}

/// Whether the newest checkpoint is not finished: without a kind it may be a final one that was aborted.
fn is_under_way(checkpoints: &[Checkpoint]) -> bool {
    let newest = checkpoints
        .iter()
        .max_by_key(|checkpoint| checkpoint.start_time);
    newest.is_some_and(|checkpoint| checkpoint.finish_time.is_none())
}

fn ends_with(job: &Job, checkpoint: &Checkpoint) -> bool {
    let times = job.finish_time.zip(checkpoint.finish_time);
    times.is_some_and(|(job, checkpoint)| job.abs_diff(checkpoint) < LOOK)
}

fn is_stopping(checkpoint: &Checkpoint) -> bool {
    checkpoint
        .checkpoint_type
        .as_ref()
        .is_some_and(CheckpointType::is_stopping)
}

#[cfg(test)]
mod tests;

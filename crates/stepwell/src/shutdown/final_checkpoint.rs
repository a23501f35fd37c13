//! Whether a run that has ended left a final checkpoint: said only where what was seen proves it.
//!
//! A server after 0.15 gives each checkpoint its kind. One up to 0.15 does not (recording `510_stop_checkpoint_checkpoints` of 0.15.0):
//! there a final one shows only in that the job was in CheckpointStopping, and came to be Stopped with a checkpoint more than before.

use stepwell_arroyo::{Checkpoint, CheckpointType, Job, JobId, JobState, StopMode};

/// A run ends this soon after its final checkpoint (recording `213_get_jobs_stopped`: 3 ms), in microseconds: a tick of the controller. What a
/// run that began and ended within it has processed is nothing to speak of.
const LOOK: u64 = 500_000;

/// What was seen of a job that was told to stop, as far as it says whether its final checkpoint was made.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The checkpoints before the stop was asked for; `None` when they could not be read.
    before: Option<Vec<Checkpoint>>,
    /// The job by then, and its run, or the one that it was about to begin.
    job: Option<(JobId, u64)>,
    /// Somebody else had told it to stop by then, or to begin anew.
    was_told: bool,
    /// The run that was last seen to take its final checkpoint, if nothing has been seen since that says it broke off.
    taken_in: Option<u64>,
    /// Another stop was asked for, which breaks off a final checkpoint.
    other_stop: bool,
}

/// What the evidence comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Known(bool),
    NotKnown,
    /// It was made if the pipeline is still told to stop with one: a stop of another kind would have broken it off.
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

    /// Whether what `before` holds may be of a stop that came between the look at the job and the look at its checkpoints.
    pub(super) fn may_be_late(&self, job: &Job) -> bool {
        let mut before = self.before.iter().flatten();
        let is_begun = before.any(|checkpoint| {
            checkpoint.finish_time.is_none() && checkpoint.checkpoint_type.is_none()
        });
        is_begun || self.may_have_it(job)
    }

    /// Whether the newest finished one before may be a final one.
    fn may_have_it(&self, job: &Job) -> bool {
        let newest = self.before.as_deref().and_then(|rows| newest(rows, job));
        newest.is_some_and(|checkpoint| {
            checkpoint.checkpoint_type.is_none() || is_stopping(checkpoint)
        })
    }

    /// Whether nothing can come of it, so that the checkpoints need not be read again.
    pub(super) fn is_lost(&self) -> bool {
        self.before.is_none()
    }

    /// Notes a look at the job.
    pub(super) fn saw(&mut self, job: &Job) {
        match job.state {
            JobState::CheckpointStopping => self.taken_in = Some(job.run_id),
            JobState::Stopped => {}
            _ => self.taken_in = None,
        }
    }

    /// Notes a look at the job before anything is asked of it.
    pub(super) fn saw_before(&mut self, job: &Job) {
        // Somebody else may have called a stop off too late, or taken a checkpoint of this kind to restart it.
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

    /// Notes that a look at the job failed before anything was asked of it.
    pub(super) fn missed_before(&mut self) {
        self.was_told = true;
    }

    /// Notes what is asked for.
    pub(super) fn asks(&mut self, mode: &StopMode) {
        self.other_stop |= *mode != StopMode::Checkpoint;
    }

    /// What it comes to for a job that has ended, with these checkpoints.
    pub(super) fn finding(&self, job: &Job, after: &[Checkpoint]) -> Finding {
        let (Some(before), Some((job_before, run))) = (&self.before, &self.job) else {
            return Finding::NotKnown;
        };
        if *job_before != job.id {
            // Deleted, and made anew under the same id.
            return Finding::NotKnown;
        }
        let is_new = |checkpoint: &&Checkpoint| {
            checkpoint.finish_time.is_some()
                && !before.iter().any(|old| self.is_same(old, checkpoint))
        };
        let new: Vec<_> = after.iter().filter(is_new).collect();
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

    /// Whether it was there before, so that it tells nothing of this stop. One without a kind that was under way was a periodic one,
    /// unless the job was being stopped.
    fn is_same(&self, old: &Checkpoint, checkpoint: &Checkpoint) -> bool {
        let is_periodic = checkpoint.checkpoint_type.is_none() && !self.was_told;
        // Epochs begin anew with a run that starts without a state.
        (old.epoch, old.start_time) == (checkpoint.epoch, checkpoint.start_time)
            && (old.finish_time.is_some() || is_periodic)
    }
}

/// What the checkpoints alone say of a job that had ended before anything was asked of it.
pub(super) fn finding_afterwards(job: &Job, checkpoints: &[Checkpoint]) -> Finding {
    match newest(checkpoints, job) {
        Some(checkpoint) if checkpoint.checkpoint_type.is_none() => Finding::NotKnown,
        // A restart takes one of this kind too, but no run ends with that.
        Some(checkpoint) if is_stopping(checkpoint) && ends_with(job, checkpoint) => {
            Finding::MadeIfStillAsked
        }
        Some(checkpoint) if is_stopping(checkpoint) => Finding::NotKnown,
        // A server that was upgraded from 0.15 calls the checkpoints that it took before scheduled ones.
        Some(checkpoint) if ends_with(job, checkpoint) => Finding::NotKnown,
        _ => Finding::Known(false),
    }
}

/// The newest finished one since the job started.
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

/// Whether the newest one of all is not finished: without a kind it may be the final one, which broke off.
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

//! Which observations of a job count: see [`Baseline`].

#[cfg(test)]
mod tests;

use std::time::Duration;

use stepwell_arroyo::{Job, JobId, JobState};
use tokio::time::Instant;

use crate::job::record::Expected;

/// Two ticks of the server's controller: the effect of our request is visible by then, unless the controller is slow.
pub(crate) const TWO_TICKS: Duration = Duration::from_secs(1);

/// The job as it was before we acted on it, and whether we did act.
///
/// After a request that changes a job, its old state stays visible for up to a tick of the controller; only the run id identifies the new
/// run. After a patch or restart of ours, observations of the old run therefore prove nothing.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    before: Option<Before>,
    /// When the reply to our patch or restart arrived; `None` if nothing was sent.
    replied: Option<Instant>,
    /// Whether a new run is certainly the one that our request began, or does not have to be: the old run was still seen after the reply,
    /// or our request begins no run of its own if another client has just begun one (true of `stop: none`, not of a restart or a change of
    /// parallelism).
    new_run_counts: bool,
}

#[derive(Clone, Debug)]
struct Before {
    job_id: JobId,
    run_id: u64,
    terminal: bool,
}

/// The meaning of an observation of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The run that counts is Running.
    Running,
    /// Running, but possibly in the old run: it counts if nothing has changed by that time.
    RunningIfUnchangedUntil(Instant),
    /// The run that counts has ended.
    Ended,
    /// In transition, or indistinguishable from the run before.
    Pending,
}

impl Baseline {
    /// There is no known run before: every observation counts.
    pub(crate) fn none() -> Self {
        Self {
            before: None,
            replied: None,
            new_run_counts: true,
        }
    }

    /// A pipeline that was found and left as it is.
    pub(crate) fn found(job: Option<&Job>) -> Self {
        Self {
            before: job.map(Before::new),
            replied: None,
            new_run_counts: true,
        }
    }

    /// A pipeline that was found and that we have just asked to start.
    pub(crate) fn started(job: Option<&Job>) -> Self {
        Self {
            new_run_counts: true,
            ..Self::acted(job)
        }
    }

    /// A pipeline that was found and that we have just restarted or rescaled.
    pub(crate) fn acted(job: Option<&Job>) -> Self {
        Self {
            before: job.map(Before::new),
            replied: Some(Instant::now()),
            new_run_counts: false,
        }
    }

    /// Which runs are not trouble: the one that our request begins, and what ended before it.
    pub(crate) fn expected(&self) -> Expected {
        match (&self.before, self.replied) {
            (Some(before), Some(_)) => Expected {
                run_id: before.run_id.saturating_add(1),
                old_run: before.terminal.then_some(before.run_id),
            },
            _ => Expected::default(),
        }
    }

    /// The meaning of this observation, given those before it.
    pub(crate) fn verdict(&mut self, job: &Job) -> Verdict {
        let is_new_run = self.is_new_run(job);
        self.new_run_counts |= !is_new_run;
        match &job.state {
            JobState::Running => match (self.replied, &self.before) {
                (None, _) | (_, None) => Verdict::Running,
                _ if is_new_run && self.new_run_counts => Verdict::Running,
                // A stopped or failed job runs again only in a new run.
                (Some(_), Some(before)) if before.terminal && !is_new_run => Verdict::Pending,
                (Some(replied), Some(_)) => Verdict::RunningIfUnchangedUntil(replied + TWO_TICKS),
            },
            // A finished job never runs again, and one that had finished before was refused.
            JobState::Finished => Verdict::Ended,
            // About to start again.
            JobState::Stopped if job.running_desired => Verdict::Pending,
            JobState::Stopped | JobState::Failed => {
                // As with Running: another client's run may have ended before our request, which begins a new one.
                let is_surely_ours = self.new_run_counts
                    || self
                        .replied
                        .is_none_or(|replied| replied.elapsed() >= TWO_TICKS);
                let counts = is_new_run && is_surely_ours
                    || match &self.before {
                        None => true,
                        Some(before) => self.replied.is_none() && !before.terminal,
                    };
                if counts {
                    Verdict::Ended
                } else {
                    Verdict::Pending
                }
            }
            _ => Verdict::Pending,
        }
    }

    fn is_new_run(&self, job: &Job) -> bool {
        self.before
            .as_ref()
            .is_some_and(|before| before.job_id != job.id || job.run_id > before.run_id)
    }
}

impl Before {
    fn new(job: &Job) -> Self {
        Self {
            job_id: job.id.clone(),
            run_id: job.run_id,
            terminal: job.state.is_terminal(),
        }
    }
}

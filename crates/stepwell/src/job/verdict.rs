//! Which observation of a job counts: see [`Baseline`].

#[cfg(test)]
mod tests;

use std::time::Duration;

use stepwell_arroyo::{Job, JobId, JobState};
use tokio::time::Instant;

use crate::job::record::Expected;

/// Two ticks of the server's controller: what a request of ours changes is visible by then, unless the controller is slow.
pub(crate) const TWO_TICKS: Duration = Duration::from_secs(1);

/// The job as it was before we acted on it, and whether we did.
///
/// The old state of a job stays visible for up to a tick of the controller after a request that changes it; only the run id tells the
/// new run. So after a patch or restart of ours, what is seen in the old run proves nothing.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    before: Option<Before>,
    /// When the reply to our patch or restart came; `None` when nothing was sent.
    replied: Option<Instant>,
    /// Whether a new run is surely the one that our request began, or needs none: the run before was still seen after the reply, or
    /// nothing was sent that begins a run when one has been begun by somebody else in between (`stop: none` does not; a restart and a
    /// change of parallelism do).
    new_run_counts: bool,
}

#[derive(Clone, Debug)]
struct Before {
    job_id: JobId,
    run_id: u64,
    terminal: bool,
}

/// What an observation of the job means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The run that counts is Running.
    Running,
    /// Running, in a run that may be the old one: it counts if it is still so at that time.
    RunningIfUnchangedUntil(Instant),
    /// The run that counts has ended.
    Ended,
    /// On its way, or not to be told apart from the run before.
    Pending,
}

impl Baseline {
    /// There is no run before, or none that we know: every observation counts.
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

    /// A pipeline that was found and that we have just told to start.
    pub(crate) fn started(job: Option<&Job>) -> Self {
        Self {
            new_run_counts: true,
            ..Self::acted(job)
        }
    }

    /// A pipeline that was found and that we have just restarted or given another parallelism.
    pub(crate) fn acted(job: Option<&Job>) -> Self {
        Self {
            before: job.map(Before::new),
            replied: Some(Instant::now()),
            new_run_counts: false,
        }
    }

    /// Which runs are no trouble: the one that our request begins, and what ended before it.
    pub(crate) fn expected(&self) -> Expected {
        match (&self.before, self.replied) {
            (Some(before), Some(_)) => Expected {
                run_id: before.run_id.saturating_add(1),
                old_run: before.terminal.then_some(before.run_id),
            },
            _ => Expected::default(),
        }
    }

    /// What this observation means, after those before it.
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
            // Nothing revives a finished job, and a finished one was refused before.
            JobState::Finished => Verdict::Ended,
            // About to start again.
            JobState::Stopped if job.running_desired => Verdict::Pending,
            JobState::Stopped | JobState::Failed => {
                // As with Running: a run that somebody else has begun may have ended before our request, which begins another.
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

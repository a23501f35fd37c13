//! Stopped: the job has stopped, and is intended to stay stopped.

use stepwell_arroyo::Job;

use super::Registered;
use crate::{shutdown::stop_pipeline::Ending, submission::Submission};

/// The job has stopped, and is intended to stay stopped.
///
/// The last state: no transition leaves it. Also: [`job`](Submission::<Stopped>::job), [`final_checkpoint`](Submission::final_checkpoint).
///
/// In every state with a pipeline: [`id`](Submission::id), [`name`](Submission::name), [`dashboard_url`](Submission::dashboard_url),
/// [`is_created_here`](Submission::is_created_here), [`differences`](Submission::differences), [`status`](Submission::status),
/// [`read_job`](Submission::read_job), [`job_errors`](Submission::job_errors), [`checkpoints`](Submission::checkpoints),
/// [`graph`](Submission::<Registered>::graph).
pub struct Stopped {
    pub(crate) registered: Registered,
    pub(crate) job: Job,
    pub(crate) final_checkpoint: Option<bool>,
}

impl Stopped {
    pub(super) fn registered(&self) -> &Registered {
        &self.registered
    }

    pub(super) fn new(registered: Registered, ending: Ending) -> Self {
        Self {
            registered,
            job: ending.job,
            final_checkpoint: ending.final_checkpoint,
        }
    }
}

/// # Stopped
impl Submission<Stopped> {
    /// The job when it had stopped.
    pub fn job(&self) -> &stepwell_arroyo::Job {
        &self.state.job
    }

    /// Whether a final checkpoint was taken, as far as the server shows it.
    ///
    /// A server after 0.15 reports for each checkpoint whether it is a final one. Releases up to 0.15 do not; there the result is
    /// `Some(true)` if only a stop with a checkpoint was requested, the job was then seen in CheckpointStopping, and a new checkpoint has
    /// finished; and `Some(false)` if there is no new checkpoint. `None` means unknown, for instance because CheckpointStopping was too
    /// short to be observed or the checkpoints could not be read. The next run then shows where it resumes.
    pub fn final_checkpoint(&self) -> Option<bool> {
        self.state.final_checkpoint
    }
}

//! Stopped: the job has stopped, and is meant to stay so.

use stepwell_arroyo::Job;

use super::Registered;
use crate::{shutdown::stop_pipeline::Ending, submission::Submission};

/// The job has stopped, and is meant to stay so.
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
    /// The job as it stopped.
    pub fn job(&self) -> &stepwell_arroyo::Job {
        &self.state.job
    }

    /// Whether a final checkpoint was made, as far as the server shows it.
    ///
    /// A server after 0.15 says of each checkpoint whether it is a final one. A release up to 0.15 does not: there it is `Some(true)` when
    /// the job was seen in CheckpointStopping after only such a stop was asked for, and a checkpoint was finished that was not there before;
    /// `Some(false)` when none was. `None`: it is not known, because CheckpointStopping was too short to be seen, say, or the checkpoints
    /// could not be read. Then the next run tells where it goes on.
    pub fn final_checkpoint(&self) -> Option<bool> {
        self.state.final_checkpoint
    }
}

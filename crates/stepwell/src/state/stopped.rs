//! Stopped: the job has stopped, and is intended to stay stopped.

use std::pin::pin;

use stepwell_arroyo::Job;

use super::{Registered, registered::delete_registered};
use crate::{
    change::start::start,
    observe::Step,
    shutdown::stop_pipeline::Ending,
    submission::{Submission, TransitionError},
};

/// The job has stopped, and is intended to stay stopped.
///
/// Leaves by: [`start`](Submission::<Stopped>::start), [`delete`](Submission::<Stopped>::delete). Also: [`job`](Submission::<Stopped>::job), [`final_checkpoint`](Submission::final_checkpoint).
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

    /// Starts the pipeline again, from its last checkpoint, like [`Submission::<Registered>::start`].
    ///
    /// # Errors
    ///
    /// [`Error::Change`](crate::Error::Change), [`Error::ShutdownBegun`](crate::Error::ShutdownBegun). Hands back the submission; trying
    /// again looks at the pipeline first.
    ///
    /// # Cancel safety
    ///
    /// A request that was sent takes effect even if the future is dropped, and the [`Shutdown`](crate::Shutdown) knows of it.
    pub async fn start(self) -> Result<Submission<Registered>, TransitionError<Stopped>> {
        let deadline = self.session.deadline(Step::Start);
        let started = {
            let id = &self.state.registered.pipeline.id;
            let work = pin!(start(&self.session, id, &deadline));
            self.perform(Step::Start, &deadline, work).await
        };
        self.advance(started, |stopped, baseline| Registered {
            baseline,
            ..stopped.registered
        })
    }

    /// Deletes the pipeline and its checkpoints, like [`Submission::<Registered>::delete`].
    ///
    /// # Errors
    ///
    /// [`Error::Change`](crate::Error::Change), [`Error::ShutdownBegun`](crate::Error::ShutdownBegun). Hands back the submission; trying
    /// again looks at the pipeline first.
    ///
    /// # Cancel safety
    ///
    /// A request that was sent takes effect even if the future is dropped.
    // It ends in no state, so there is none to advance to.
    pub async fn delete(self) -> Result<(), TransitionError<Stopped>> {
        let deleted = delete_registered(&self, &self.state.registered).await;
        deleted.map_err(|error| TransitionError::new(error, self))
    }
}

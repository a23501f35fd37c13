//! Registered: the shutdown has the pipeline in its hands.

use std::pin::pin;

use stepwell_arroyo::{PipelineGraph, PipelineId};

use super::{Identified, Running, Stopped};
use crate::{
    job::{verdict::Baseline, wait::wait_until_running},
    observe::Step,
    resolve::Difference,
    shutdown::stop_submission::stop,
    submission::{Submission, TransitionError},
};

/// The shutdown has the pipeline in its hands.
pub struct Registered {
    pub(crate) pipeline: Identified,
    pub(crate) baseline: Baseline,
    /// What the steps before proved; a submission that was attached has no such evidence.
    pub(crate) evidence: Option<ResolvedHere>,
}

/// What is known of a pipeline that this process resolved.
#[derive(Debug)]
pub(crate) struct ResolvedHere {
    pub(crate) graph: PipelineGraph,
    pub(crate) created: bool,
    pub(crate) differences: Vec<Difference>,
}

impl Registered {
    pub(super) fn registered(&self) -> &Self {
        self
    }
}

/// # Registered
impl Submission<Registered> {
    /// Waits until the job is Running, in the run that counts.
    ///
    /// Reads `GET /api/v1/pipelines/{id}/jobs` until it says so, for
    /// [`Options::running_timeout`](crate::Options::running_timeout). After a patch or restart of this submission, what is seen in the
    /// run before counts neither as success nor as failure. With [`Options::stable_for`](crate::Options::stable_for) the job must stay
    /// Running in the same run for that long, for a pipeline with an error in it does reach Running for a moment; that time comes on top
    /// of the deadline. A failed poll is tolerated, and so is a server that does not know the pipeline for less than ten seconds.
    ///
    /// The first looks are milliseconds apart. Then the pauses follow what is seen: at most 90 ms while the server has not acted, 34 ms,
    /// later 58 ms, when the job has just begun to be Scheduling, for Running is near. After half a second they are at most 130 ms, after
    /// ten seconds a sixth of the time waited, 8 s at most. Chance makes each shorter by up to a quarter, so that many who wait do not ask
    /// in step. A poll that failed is followed by a longer pause, and by what a busy server asks for (`Retry-After`).
    ///
    /// # Errors
    ///
    /// [`Error::Wait`](crate::Error::Wait) for every other end, [`Error::ShutdownBegun`](crate::Error::ShutdownBegun). Hands back the registered submission.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads. The submission is lost with the future, the pipeline stays registered with its shutdown.
    pub async fn wait_until_running(
        self,
    ) -> Result<Submission<Running>, TransitionError<Registered>> {
        let deadline = self.session.deadline(Step::Wait);
        let seen = {
            let work = pin!(wait_until_running(
                &self.session,
                &self.state.pipeline.id,
                &self.state.baseline,
                &deadline
            ));
            self.perform(Step::Wait, &deadline, work).await
        };
        self.advance(seen, |registered, job| Running { registered, job })
    }

    /// Stops the pipeline, with a final checkpoint unless [`Options::stop_mode`](crate::Options::stop_mode) says otherwise, and waits
    /// until it has stopped.
    ///
    /// Sends `PATCH /api/v1/pipelines/{id}` with `stop`, again while it is not answered, then reads its job until that is Stopped with
    /// `running_desired: false`, within [`Options::stop_timeout`](crate::Options::stop_timeout). A shutdown that has begun does not end
    /// it: stopping is what the shutdown wants.
    ///
    /// # Errors
    ///
    /// [`Error::Stop`](crate::Error::Stop). Hands back the submission.
    ///
    /// # Cancel safety
    ///
    /// The request is not cut: a stop that was sent takes effect.
    pub async fn stop(self) -> Result<Submission<Stopped>, TransitionError<Registered>> {
        let stopped = stop(&self, &self.state).await;
        self.advance(stopped, Stopped::new)
    }

    /// Leaves the pipeline running and takes it out of the shutdown's hands. Sends nothing.
    pub fn detach(self) -> PipelineId {
        self.session.ticket.forget();
        self.state.pipeline.id
    }
}

//! Registered: the shutdown has the pipeline in its hands.

use std::pin::pin;

use stepwell_arroyo::{PipelineGraph, PipelineId};

use super::{Identified, Running, State, Stopped};
use crate::{
    error::Error,
    job::{verdict::Baseline, wait::wait_until_running},
    observe::Step,
    resolve::Difference,
    shutdown::{stop_pipeline::Ending, stop_submission},
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
    /// The pauses between looks follow what is seen: milliseconds at first, tens of milliseconds while Running is near, and a sixth of the
    /// time waited, at most 8 s, when a start takes long. They are shortened by chance, so that many submissions do not ask in step. A poll
    /// that failed is followed by a longer pause, and by what a busy server asks for (`Retry-After`).
    ///
    /// # Errors
    ///
    /// [`Error::Wait`] for every other end, [`Error::ShutdownBegun`]. Hands back the registered submission.
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
    /// [`Error::Stop`]. Hands back the submission.
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

/// The step `stop` of a submission whose pipeline is registered, Running or not.
pub(super) async fn stop<S: State>(
    submission: &Submission<S>,
    registered: &Registered,
) -> Result<Ending, Error> {
    let session = &submission.session;
    let deadline = session.deadline(Step::Stop);
    let (id, baseline) = (&registered.pipeline.id, &registered.baseline);
    let work = pin!(stop_submission::stop(session, id, baseline, &deadline));
    submission.carry_out(Step::Stop, &deadline, work).await
}

//! Registered: the shutdown is responsible for the pipeline.

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

/// The shutdown is responsible for the pipeline.
///
/// Leaves by: [`wait_until_running`](Submission::wait_until_running), [`stop`](Submission::<Registered>::stop),
/// [`detach`](Submission::<Registered>::detach).
///
/// In every state with a pipeline: [`id`](Submission::id), [`name`](Submission::name), [`dashboard_url`](Submission::dashboard_url),
/// [`is_created_here`](Submission::is_created_here), [`differences`](Submission::differences), [`status`](Submission::status),
/// [`read_job`](Submission::read_job), [`job_errors`](Submission::job_errors), [`checkpoints`](Submission::checkpoints),
/// [`graph`](Submission::<Registered>::graph).
pub struct Registered {
    pub(crate) pipeline: Identified,
    pub(crate) baseline: Baseline,
    /// What the earlier steps proved; `None` if the submission was attached.
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
    /// Polls `GET /api/v1/pipelines/{id}/jobs` for up to [`Options::running_timeout`](crate::Options::running_timeout). After a patch or
    /// restart by this submission, observations of the previous run count neither as success nor as failure. With
    /// [`Options::stable_for`](crate::Options::stable_for) the job must stay Running in the same run for that long, because a failing
    /// pipeline can reach Running briefly; that time is added to the deadline. Failed polls are tolerated, and so is a server that does not
    /// know the pipeline for less than ten seconds.
    ///
    /// The poll interval adapts to what is observed: it is short at first and while Running is near, and grows with the time waited if a
    /// start takes long. Pauses are jittered so that many submissions do not poll in step. A failed poll is followed by a longer pause, and
    /// by at least what a busy server asks for (`Retry-After`).
    ///
    /// # Errors
    ///
    /// [`Error::Wait`] if the job ends, vanishes or is late, [`Error::ShutdownBegun`]. Hands back the registered submission.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads. The submission is lost with the future; the pipeline stays registered with its shutdown.
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
    /// Sends `PATCH /api/v1/pipelines/{id}` with `stop`, repeated until it is answered, then polls the job until it is Stopped with
    /// `running_desired: false`, within [`Options::stop_timeout`](crate::Options::stop_timeout). It continues after a shutdown has begun,
    /// because the shutdown wants the same.
    ///
    /// # Errors
    ///
    /// [`Error::Stop`]. Hands back the submission.
    ///
    /// # Cancel safety
    ///
    /// A stop that was sent takes effect even if the future is dropped.
    pub async fn stop(self) -> Result<Submission<Stopped>, TransitionError<Registered>> {
        let stopped = stop(&self, &self.state).await;
        self.advance(stopped, Stopped::new)
    }

    /// Leaves the pipeline running and removes it from the shutdown. Sends nothing.
    pub fn detach(self) -> PipelineId {
        self.session.ticket.detach();
        self.state.pipeline.id
    }
}

/// Stops the pipeline of a submission, Running or not.
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

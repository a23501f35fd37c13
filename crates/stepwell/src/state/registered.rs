//! Registered: the shutdown is responsible for the pipeline.

use std::{pin::pin, time::Duration};

use stepwell_arroyo::{Job, PipelineGraph, PipelineId};

use super::{Identified, Running, State, Stopped};
use crate::{
    change::{delete::delete, start::start, update::Updated},
    error::Error,
    job::{
        Ended,
        verdict::{Baseline, Verdict},
        wait::wait_until_running,
        watch_to_end::watch_to_the_end,
    },
    observe::Step,
    resolve::Difference,
    session::Deadline,
    shutdown::{StopPolicy, stop_submission},
    spec::Update,
    submission::{Submission, TransitionError},
};

/// The shutdown is responsible for the pipeline.
///
/// Leaves by: [`wait_until_running`](Submission::wait_until_running), [`stop`](Submission::<Registered>::stop),
/// [`stop_with`](Submission::<Registered>::stop_with), [`start`](Submission::<Registered>::start),
/// [`delete`](Submission::<Registered>::delete), [`detach`](Submission::<Registered>::detach).
///
/// In every state with a pipeline: [`id`](Submission::id), [`name`](Submission::name), [`dashboard_url`](Submission::dashboard_url),
/// [`is_created_here`](Submission::is_created_here), [`differences`](Submission::differences), [`status`](Submission::status),
/// [`read_job`](Submission::read_job), [`job_errors`](Submission::job_errors), [`checkpoints`](Submission::checkpoints),
/// [`graph`](Submission::<Registered>::graph).
pub struct Registered {
    pub(crate) pipeline: Identified,
    pub(crate) baseline: Baseline,
    pub(crate) differences: Vec<Difference>,
    /// What the earlier steps proved; `None` if the submission was attached.
    pub(crate) evidence: Option<ResolvedHere>,
}

/// What is known of a pipeline that this process resolved.
#[derive(Debug)]
pub(crate) struct ResolvedHere {
    pub(crate) graph: PipelineGraph,
    pub(crate) created: bool,
}

impl Registered {
    pub(super) fn registered(&self) -> &Self {
        self
    }

    /// After an update, whose settings replace those that were compared before.
    pub(super) fn updated(self, update: &Update, updated: Updated) -> Self {
        let mut differences = self.differences;
        differences.retain(|difference| match difference {
            Difference::Parallelism { .. } => update.parallelism.is_none(),
            Difference::CheckpointInterval { .. } => update.checkpoint_interval.is_none(),
            Difference::Environment => update.environment.is_none(),
            Difference::SchedulerConfig => update.scheduler_config.is_none(),
            _ => true,
        });
        differences.extend(updated.differences);
        Self {
            baseline: updated.baseline.unwrap_or(self.baseline),
            differences,
            ..self
        }
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
        let stable_for = self.session.options.stable_for.unwrap_or_default();
        self.wait_until_stable(stable_for).await
    }

    /// Waits until the job is Running and has stayed so for this long.
    pub(crate) async fn wait_until_stable(
        self,
        stable_for: Duration,
    ) -> Result<Submission<Running>, TransitionError<Registered>> {
        let timeout = self.session.options.running_timeout;
        let deadline = Deadline::new(timeout.saturating_add(stable_for));
        self.wait_within(stable_for, deadline).await
    }

    /// The same within another deadline.
    pub(crate) async fn wait_within(
        self,
        stable_for: Duration,
        deadline: Deadline,
    ) -> Result<Submission<Running>, TransitionError<Registered>> {
        let seen = {
            let work = pin!(wait_until_running(
                &self.session,
                &self.state.pipeline.id,
                &self.state.baseline,
                stable_for,
                &deadline
            ));
            self.perform(Step::Wait, &deadline, work).await
        };
        self.advance(seen, |registered, job| Running { registered, job })
    }

    /// Waits until the job has ended, like [`Submission::<Running>::ended`], whether or not it was seen Running.
    ///
    /// # Errors
    ///
    /// Those of [`Submission::<Running>::ended`].
    ///
    /// # Cancel safety
    ///
    /// Safe. It only borrows the submission, so it can be dropped and called again, for instance in a `select!` loop.
    pub async fn ended(&self) -> Result<Ended, Error> {
        let (session, registered) = (&self.session, &self.state);
        let (id, mut baseline) = (&registered.pipeline.id, registered.baseline.clone());
        // A node that lags behind still shows the end before a start that was just accepted, and so does the next tick.
        let counts = |job: &Job| {
            baseline.verdict(job) == Verdict::Ended || !session.sight.was_just_started()
        };
        let work = pin!(watch_to_the_end(session, id, &registered.baseline, counts));
        session.unless_begun(work).await
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
        let mode = self.session.options.stop_mode.clone();
        let policy = StopPolicy::builder()
            .mode(mode)
            .deadline(self.session.options.stop_timeout)
            .build();
        self.stop_with(&policy).await
    }

    /// Stops the pipeline as [`Shutdown::stop_all`](crate::Shutdown::stop_all) does, with escalations and a deadline of its own, and
    /// otherwise like [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// [`Error::Stop`]. Hands back the submission.
    ///
    /// # Cancel safety
    ///
    /// As [`stop`](Self::stop).
    pub async fn stop_with(
        self,
        policy: &StopPolicy,
    ) -> Result<Submission<Stopped>, TransitionError<Registered>> {
        let deadline = Deadline::new(policy.deadline);
        let stopped = {
            let (session, id) = (&self.session, &self.state.pipeline.id);
            let work = pin!(stop_submission::stop(
                session,
                id,
                policy,
                &self.state.baseline,
                &deadline
            ));
            self.carry_out(Step::Stop, &deadline, work).await
        };
        self.advance(stopped, Stopped::new)
    }

    /// Starts the pipeline if it does not run: [`attach`](Submission::attach) finds it in any state.
    ///
    /// Reads the pipeline and its job, then sends what its state needs, as `resolve` does for a pipeline that it has found: `PATCH` with
    /// `stop: none` for one that was stopped, `POST …/restart` for one that has failed, nothing for one that runs. Takes at most
    /// [`Options::resolve_timeout`](crate::Options::resolve_timeout). [`wait_until_running`](Submission::wait_until_running) then waits for
    /// the run that was begun.
    ///
    /// # Errors
    ///
    /// [`Error::Change`], [`Error::ShutdownBegun`]. Hands back the submission; trying again looks at the pipeline first.
    ///
    /// # Cancel safety
    ///
    /// A request that was sent takes effect even if the future is dropped, and the [`Shutdown`](crate::Shutdown) knows of it.
    pub async fn start(self) -> Result<Self, TransitionError<Registered>> {
        let deadline = self.session.deadline(Step::Start);
        let started = {
            let work = pin!(start(&self.session, &self.state.pipeline.id, &deadline));
            self.perform(Step::Start, &deadline, work).await
        };
        self.advance(started, |registered, baseline| Registered {
            baseline,
            ..registered
        })
    }

    /// Deletes the pipeline, which must have ended, and its checkpoints.
    ///
    /// Reads the job, then sends `DELETE /api/v1/pipelines/{id}`, within [`Options::stop_timeout`](crate::Options::stop_timeout). A
    /// pipeline that is gone already, or in whose place another client has made one under the same id, counts as deleted.
    ///
    /// # Errors
    ///
    /// [`Error::Change`], [`Error::ShutdownBegun`]. Hands back the submission; trying again looks at the pipeline first.
    ///
    /// # Cancel safety
    ///
    /// A request that was sent takes effect even if the future is dropped.
    // It ends in no state, so there is none to advance to.
    pub async fn delete(self) -> Result<(), TransitionError<Registered>> {
        let deleted = delete_registered(&self, &self.state).await;
        deleted.map_err(|error| TransitionError::new(error, self))
    }

    /// Leaves the pipeline running and removes it from the shutdown. Sends nothing.
    pub fn detach(self) -> PipelineId {
        self.session.ticket.detach();
        self.state.pipeline.id
    }
}

/// Deletes the pipeline of a submission, seen Stopped or not.
pub(super) async fn delete_registered<S: State>(
    submission: &Submission<S>,
    registered: &Registered,
) -> Result<(), Error> {
    let session = &submission.session;
    let deadline = session.deadline(Step::Delete);
    let (id, expected) = (&registered.pipeline.id, registered.baseline.expected());
    let work = pin!(delete(session, id, expected, &deadline));
    submission.perform(Step::Delete, &deadline, work).await
}

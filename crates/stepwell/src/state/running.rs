//! Running: the job was seen Running in the run that counts.

use std::pin::pin;

use stepwell_arroyo::{Job, PipelineId};

use super::{Registered, Stopped};
use crate::{
    change::update::Updating,
    error::Error,
    job::{Ended, watch::Watch, watch_to_end::watch_to_the_end},
    observe::{Event, Step},
    rows::RowStream,
    shutdown::StopPolicy,
    spec::Update,
    submission::{Submission, TransitionError},
};

/// The job was seen Running in the run that counts.
///
/// Leaves by: [`update`](Submission::update), [`stop`](Submission::<Running>::stop), [`stop_with`](Submission::<Running>::stop_with),
/// [`into_registered`](Submission::into_registered), [`detach`](Submission::<Running>::detach). Also: [`ended`](Submission::<Running>::ended),
/// [`rows`](Submission::rows), [`job`](Submission::<Running>::job).
///
/// In every state with a pipeline: [`id`](Submission::id), [`name`](Submission::name), [`dashboard_url`](Submission::dashboard_url),
/// [`is_created_here`](Submission::is_created_here), [`differences`](Submission::differences), [`status`](Submission::status),
/// [`read_job`](Submission::read_job), [`job_errors`](Submission::job_errors), [`checkpoints`](Submission::checkpoints),
/// [`graph`](Submission::<Registered>::graph).
pub struct Running {
    pub(crate) registered: Registered,
    pub(crate) job: Job,
}

impl Running {
    pub(super) fn registered(&self) -> &Registered {
        &self.registered
    }
}

impl From<Submission<Running>> for Submission<Registered> {
    fn from(running: Submission<Running>) -> Self {
        running.into_registered()
    }
}

/// # Running
impl Submission<Running> {
    /// The job as it was when seen Running.
    pub fn job(&self) -> &Job {
        &self.state.job
    }

    /// Waits until the job has ended: it finished, failed, or was stopped.
    ///
    /// Polls `GET /api/v1/pipelines/{id}/jobs`. Three or more calls over clones of one transport share `GET /api/v1/jobs` instead, if at
    /// least one listed job in twenty is watched: 200 Running pipelines cost two requests a second, and the end of one is seen within a
    /// second. A pipeline that the list lacks, or that this submission has asked to stop, is polled by itself; so is every one while the
    /// list does not work or does not exist.
    ///
    /// It has no deadline, because a streaming job may run forever, but fails if the server has
    /// not answered for [`Options::silence_timeout`](crate::Options::silence_timeout). A job that recovers, or that another client
    /// restarts, has not ended.
    ///
    /// # Errors
    ///
    /// [`Error::Wait`] if the pipeline vanished or the server fell silent, [`Error::ShutdownBegun`]. A failed job is not an error here; it
    /// is one of the ways to end.
    ///
    /// # Cancel safety
    ///
    /// Safe. It only borrows the submission, so it can be dropped and called again, for instance in a `select!` loop.
    pub async fn ended(&self) -> Result<Ended, Error> {
        let (session, registered) = (&self.session, &self.state.registered);
        let (id, baseline) = (&registered.pipeline.id, &registered.baseline);
        let work = pin!(watch_to_the_end(session, id, baseline, |_| true));
        session.unless_begun(work).await
    }

    /// The rows of the pipeline as they arrive, if its query ends in a bare `SELECT`. A query with a sink of its own sends its rows there,
    /// and the stream ends at once. Sends nothing yet.
    ///
    /// ```
    /// # async fn example(running: stepwell::Submission<stepwell::state::Running>) -> Result<(), stepwell::Error> {
    /// let mut rows = running.rows();
    /// while let Some(batch) = rows.next().await? {
    ///     for row in &batch.rows {
    ///         println!("{row}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// This is a preview without delivery guarantees: the server buffers no rows for absent readers and skips slow ones.
    /// [`Rows::missed`](crate::state::Rows::missed) reports the rows known to be lost.
    pub fn rows(&self) -> RowStream {
        let Running { registered, job } = &self.state;
        let (session, evidence) = (&self.session, registered.evidence.as_ref());
        let deadline = session.deadline(Step::Watch);
        let expected = registered.baseline.expected();
        let watch = Watch::of(session, self.id(), Step::Watch, &deadline, expected).silently();
        let has_preview = evidence.is_none_or(|evidence| evidence.graph.has_preview());
        let from_start = evidence.is_some_and(|evidence| evidence.created) && job.run_id <= 1;
        RowStream::new(session, watch, job.id.clone(), has_preview, from_start)
    }

    /// Changes settings of the pipeline; [`wait_until_running`](Submission::wait_until_running) then waits for the run that has them.
    ///
    /// Reads the pipeline and its job, and sends only what differs, in one `PATCH /api/v1/pipelines/{id}`; nothing if nothing differs. Takes
    /// at most [`Options::resolve_timeout`](crate::Options::resolve_timeout). A new checkpoint interval takes effect in the same run;
    /// everything else begins a new run from a checkpoint. What the server accepts and then does not show is among the
    /// [`differences`](Submission::differences).
    ///
    /// An Arroyo 0.16.0-dev has been seen to stay in Restarting when an update met a periodic checkpoint. A [`stop`](Submission::stop) frees
    /// it, and [`start`](Submission::<Stopped>::start) goes on.
    ///
    /// # Errors
    ///
    /// [`Error::Change`], [`Error::ShutdownBegun`]. Hands back the submission; trying again looks at the pipeline first.
    ///
    /// # Cancel safety
    ///
    /// A request that was sent takes effect even if the future is dropped.
    pub async fn update(
        self,
        update: &Update,
    ) -> Result<Submission<Registered>, TransitionError<Running>> {
        let deadline = self.session.deadline(Step::Update);
        let registered = &self.state.registered;
        let updating = Updating {
            session: &self.session,
            id: &registered.pipeline.id,
            update,
            expected: registered.baseline.expected(),
            deadline: &deadline,
        };
        let updated = {
            // In a box: it is much larger than what a caller does beside it.
            let mut work = Box::pin(updating.run());
            self.perform(Step::Update, &deadline, work.as_mut()).await
        };
        let updated = self.advance(updated, |running, updated| {
            running.registered.updated(update, updated)
        })?;
        for difference in &updated.state.differences {
            updated.session.tell(&Event::Differs {
                pipeline_id: updated.id().clone(),
                difference: difference.clone(),
            });
        }
        Ok(updated)
    }

    /// Stops the pipeline, like [`Submission::<Registered>::stop`].
    ///
    /// # Errors
    ///
    /// [`Error::Stop`]. Hands back the submission as Registered: whether it is Running is no longer known.
    ///
    /// # Cancel safety
    ///
    /// A stop that was sent takes effect even if the future is dropped.
    pub async fn stop(self) -> Result<Submission<Stopped>, TransitionError<Registered>> {
        self.into_registered().stop().await
    }

    /// Stops the pipeline, like [`Submission::<Registered>::stop_with`].
    ///
    /// # Errors
    ///
    /// As [`stop`](Self::stop).
    ///
    /// # Cancel safety
    ///
    /// As [`stop`](Self::stop).
    pub async fn stop_with(
        self,
        policy: &StopPolicy,
    ) -> Result<Submission<Stopped>, TransitionError<Registered>> {
        self.into_registered().stop_with(policy).await
    }

    /// Goes back to Registered, for instance to wait again until the pipeline is Running. Sends nothing.
    pub fn into_registered(self) -> Submission<Registered> {
        self.into_state(|running| running.registered)
    }

    /// Leaves the pipeline running and removes it from the shutdown. Sends nothing.
    pub fn detach(self) -> PipelineId {
        self.session.ticket.detach();
        self.state.registered.pipeline.id
    }
}

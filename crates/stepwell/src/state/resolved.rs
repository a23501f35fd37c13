//! Resolved: the pipeline exists, either resumed or created.

use std::fmt;

use stepwell_arroyo::{Job, PipelineGraph, PipelineId};

use super::{
    Identified, Registered, ResolvedHere, State, Validated,
    sealed::{self, SealedOrigin},
};
use crate::{
    job::verdict::Baseline,
    observe::Step,
    resolve::Difference,
    shutdown::discard::discard,
    submission::{Submission, TransitionError},
};

/// The pipeline exists, either [`Resumed`] or [`Created`].
///
/// Leaves by: [`register`](Submission::register); if created here, also by [`discard`](Submission::discard). Also, if it existed before:
/// [`resumed_from`](Submission::resumed_from), [`is_adopted`](Submission::is_adopted), [`found_again`](Submission::found_again).
///
/// In every state with a pipeline: [`id`](Submission::id), [`name`](Submission::name), [`dashboard_url`](Submission::dashboard_url),
/// [`is_created_here`](Submission::is_created_here), [`differences`](Submission::differences), [`status`](Submission::status),
/// [`read_job`](Submission::read_job), [`job_errors`](Submission::job_errors), [`checkpoints`](Submission::checkpoints),
/// [`graph`](Submission::<Registered>::graph).
pub struct Resolved<O: Origin> {
    pub(crate) validated: Validated,
    pub(crate) pipeline: Identified,
    pub(crate) baseline: Baseline,
    pub(crate) differences: Vec<Difference>,
    pub(crate) origin: O,
}

/// The pipeline existed before.
pub struct Resumed {
    pub(crate) job: Option<Job>,
    pub(crate) adopted: bool,
    /// Whether this submission's own create may have created the pipeline.
    pub(crate) found_again: bool,
}

/// This submission created the pipeline.
#[derive(Debug)]
pub struct Created(pub(crate) ());

/// How a pipeline was resolved: [`Resumed`] or [`Created`]. Sealed.
pub trait Origin: SealedOrigin + fmt::Debug + Send + Sync + 'static {}

impl SealedOrigin for Resumed {
    const RESOLVED: &'static str = "Resolved<Resumed>";
    const IS_CREATED: bool = false;
}

impl Origin for Resumed {}

impl fmt::Debug for Resumed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Resumed")
    }
}

impl SealedOrigin for Created {
    const RESOLVED: &'static str = "Resolved<Created>";
    const IS_CREATED: bool = true;
}

impl Origin for Created {}

impl<O: Origin> sealed::Sealed for Resolved<O> {
    const NAME: &'static str = O::RESOLVED;

    fn name(&self) -> Option<&str> {
        Some(&self.pipeline.name)
    }

    fn id(&self) -> Option<&PipelineId> {
        Some(&self.pipeline.id)
    }
}

impl<O: Origin> State for Resolved<O> {}

// The short name: the state contains the query.
impl<O: Origin> fmt::Debug for Resolved<O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(O::RESOLVED)
    }
}

impl<O: Origin> sealed::SealedPipeline for Resolved<O> {
    fn identified(&self) -> &Identified {
        &self.pipeline
    }

    fn plan(&self) -> Option<&PipelineGraph> {
        Some(&self.validated.graph)
    }

    fn created_here(&self) -> Option<bool> {
        Some(O::IS_CREATED)
    }

    fn differences(&self) -> &[Difference] {
        &self.differences
    }
}

/// # Resolved, either way
impl<O: Origin> Submission<Resolved<O>> {
    /// Registers the pipeline with the shutdown as one that runs, rather than one that is being created.
    ///
    /// Sends nothing, waits for nothing and cannot fail.
    pub fn register(self) -> Submission<Registered> {
        self.into_state(|resolved| Registered {
            pipeline: resolved.pipeline,
            baseline: resolved.baseline,
            differences: resolved.differences,
            evidence: Some(ResolvedHere {
                graph: resolved.validated.graph,
                created: O::IS_CREATED,
            }),
        })
    }
}

/// # Resolved, and existing before
impl Submission<Resolved<Resumed>> {
    /// The job as it was before this submission acted on it; `None` if the server showed none.
    pub fn resumed_from(&self) -> Option<&Job> {
        self.state.origin.job.as_ref()
    }

    /// Whether the pipeline did not exist when this submission first looked for it. It was then created either by this submission, whose
    /// reply was lost, or by another client at the same time. The two cannot be told apart, so the pipeline cannot be discarded.
    pub fn is_adopted(&self) -> bool {
        self.state.origin.adopted
    }

    /// Whether this pipeline is, as far as can be determined, what this submission's own create made: the create was sent, its reply was
    /// lost, and the pipeline was found afterwards. This also holds for [`Intent::CreateOnly`](crate::spec::Intent::CreateOnly), which
    /// never takes a pipeline that existed before.
    ///
    /// Every such pipeline is [adopted](Self::is_adopted). An adopted pipeline that was not found again belongs to another submitter, whose
    /// create came first.
    pub fn found_again(&self) -> bool {
        self.state.origin.found_again
    }
}

/// # Resolved, and created here
impl Submission<Resolved<Created>> {
    /// Undoes the create: stops the pipeline at once, without a checkpoint, and deletes it.
    ///
    /// Sends `PATCH` with `stop: immediate`, waits until the job has ended, then sends `DELETE /api/v1/pipelines/{id}`, within
    /// [`Options::stop_timeout`](crate::Options::stop_timeout). Available only if this submission is known to have created the pipeline.
    ///
    /// # Errors
    ///
    /// [`Error::Stop`](crate::Error::Stop) if the pipeline could not be stopped, [`Error::Resolve`](crate::Error::Resolve) if it could not
    /// be deleted. Hands back the submission; retrying is safe.
    ///
    /// # Cancel safety
    ///
    /// Requests that were sent take effect even if the future is dropped.
    pub async fn discard(self) -> Result<(), TransitionError<Resolved<Created>>> {
        let deadline = self.session.deadline(Step::Stop);
        let discarded = {
            let work = std::pin::pin!(discard(
                &self.session,
                &self.state.pipeline,
                &self.state.baseline,
                &deadline
            ));
            self.carry_out(Step::Stop, &deadline, work).await
        };
        discarded.map_err(|error| TransitionError::new(error, self))
    }
}

//! Resolved: the pipeline is there, either resumed or created.

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

/// The pipeline is there, either [`Resumed`] or [`Created`].
pub struct Resolved<O: Origin> {
    pub(crate) validated: Validated,
    pub(crate) pipeline: Identified,
    pub(crate) baseline: Baseline,
    pub(crate) differences: Vec<Difference>,
    pub(crate) origin: O,
}

/// The pipeline was there already.
pub struct Resumed {
    pub(crate) job: Option<Job>,
    pub(crate) adopted: bool,
    /// Whether a create of this submission may have made it.
    pub(crate) found_again: bool,
}

/// This submission has created the pipeline.
#[derive(Debug)]
pub struct Created(pub(crate) ());

/// How a resolved pipeline came to be: [`Resumed`] or [`Created`]. Sealed.
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

// The short name: the state carries the query.
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

/// # Resolved, however it came to be
impl<O: Origin> Submission<Resolved<O>> {
    /// Registers the pipeline with the shutdown: from here on it is one that runs, not one that is being made.
    ///
    /// Sends nothing, waits for nothing and cannot fail.
    pub fn register(self) -> Submission<Registered> {
        self.into_state(|resolved| Registered {
            pipeline: resolved.pipeline,
            baseline: resolved.baseline,
            evidence: Some(ResolvedHere {
                graph: resolved.validated.graph,
                created: O::IS_CREATED,
                differences: resolved.differences,
            }),
        })
    }
}

/// # Resolved, and it was there
impl Submission<Resolved<Resumed>> {
    /// The job as it was before this submission acted on it; `None` when the server showed none.
    pub fn resumed_from(&self) -> Option<&Job> {
        self.state.origin.job.as_ref()
    }

    /// Whether the pipeline was not there when this submission looked first: its own create, whose reply was lost, or that of another
    /// submitter at the same time. It cannot be told which, so it cannot be discarded.
    pub fn is_adopted(&self) -> bool {
        self.state.origin.adopted
    }

    /// Whether a create of this very submission was sent, its reply was lost, and this is what it made, as far as can be told: created, and
    /// found again. So it is with [`Intent::CreateOnly`](crate::spec::Intent::CreateOnly) too, which takes no pipeline that was there before.
    ///
    /// Every such pipeline is [adopted](Self::is_adopted); one that was adopted without being found again is another submitter's, whose
    /// create came first.
    pub fn found_again(&self) -> bool {
        self.state.origin.found_again
    }
}

/// # Resolved, and created here
impl Submission<Resolved<Created>> {
    /// Undoes the create: stops the pipeline at once, without a checkpoint, and deletes it.
    ///
    /// Sends `PATCH` with `stop: immediate`, waits until the job has ended, then `DELETE /api/v1/pipelines/{id}`, within
    /// [`Options::stop_timeout`](crate::Options::stop_timeout). Only a pipeline that this submission is known to have created has this.
    ///
    /// # Errors
    ///
    /// [`Error::Stop`](crate::Error::Stop) when it could not be stopped, [`Error::Resolve`](crate::Error::Resolve) when it could not be deleted. Hands back the submission; trying
    /// again is safe.
    ///
    /// # Cancel safety
    ///
    /// The requests are not cut: what was sent takes effect.
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

//! Validated: the server has planned the query without errors.

use std::{pin::pin, sync::Arc};

use stepwell_arroyo::PipelineGraph;

use super::{Created, Resolved};
use crate::{
    error::Error,
    job::verdict::Baseline,
    observe::{Event, Step},
    resolve::{self, Difference, Plan, Resolution, ResolveOutcome, attempt::CreateAttempt},
    session::Session,
    spec::PipelineSpec,
    state::Identified,
    submission::{Submission, TransitionError},
};

/// The server has planned the query without errors.
///
/// Leaves by: [`resolve`](Submission::resolve). Also: [`plan`](Submission::plan), [`graph`](Submission::<Validated>::graph),
/// [`has_create_in_doubt`](Submission::has_create_in_doubt).
pub struct Validated {
    pub(crate) spec: Arc<PipelineSpec>,
    pub(crate) graph: PipelineGraph,
    /// A create whose outcome is unknown; the next `resolve` settles it first.
    pub(crate) attempt: Option<CreateAttempt>,
}

/// # Validated
impl Submission<Validated> {
    /// The plan of the query, as the server returned it.
    pub fn graph(&self) -> &PipelineGraph {
        &self.state.graph
    }

    /// Whether a create was sent whose outcome is unknown; the next `resolve` looks for its pipeline first.
    pub fn has_create_in_doubt(&self) -> bool {
        self.state
            .attempt
            .as_ref()
            .is_some_and(CreateAttempt::in_doubt)
    }

    /// Reports what [`resolve`](Self::resolve) would do now, without doing it. Only reads.
    ///
    /// # Errors
    ///
    /// The same error that `resolve` would fail with.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn plan(&self) -> Result<Plan, Error> {
        let deadline = self.session.deadline(Step::Resolve);
        let Validated { spec, attempt, .. } = &self.state;
        let work = pin!(resolve::plan(
            &self.session,
            spec,
            attempt.as_ref(),
            &deadline
        ));
        self.session.unless_begun(work).await
    }

    /// Finds the pipeline with the same query and resumes it, or creates one.
    ///
    /// Reads all pipelines (`GET /api/v1/pipelines`), or only the one with the id of the spec (`GET /api/v1/pipelines/{id}`): see
    /// [`FindBy`](crate::spec::FindBy). A pipeline with exactly the same query is resumed according to its state: left alone, started
    /// (`PATCH`), or restarted (`POST …/restart`). If there is none, a pipeline is created, with `PUT /api/v1/pipelines/{id}` if the server
    /// supports it and with `POST` otherwise; but not beside other pipelines, unless [`force`](crate::spec::PipelineSpecBuilder::force) is
    /// set. That is a check, not a lock.
    ///
    /// A `POST` is never sent twice, and a `PUT` is repeated only under the same id. If the reply to a create is lost and the pipeline does
    /// not appear, the error is [`OutcomeUnknown`](crate::error::ResolveError::OutcomeUnknown), and the next `resolve` of the submission
    /// looks for it first.
    ///
    /// # Errors
    ///
    /// [`Error::Resolve`], [`Error::ShutdownBegun`]. Hands back the validated submission, which remembers what it has sent.
    ///
    /// # Cancel safety
    ///
    /// A request that changes something continues after the future is dropped, and the [`Shutdown`](crate::Shutdown) tracks it. The
    /// submission is lost with the future; a new one finds the pipeline.
    pub async fn resolve(mut self) -> Result<Resolution, TransitionError<Validated>> {
        let deadline = self.session.deadline(Step::Resolve);
        // Taken out because the work borrows the submission; a create left in doubt goes back into it on every path.
        let mut attempt = self.state.attempt.take();
        let resolved = {
            let (session, spec) = (&self.session, &self.state.spec);
            let work = pin!(resolve::resolve(session, spec, &mut attempt, &deadline));
            self.perform(Step::Resolve, &deadline, work).await
        };
        self.state.attempt = attempt;
        match resolved {
            Ok(ResolveOutcome::Resumed {
                pipeline,
                baseline,
                differences,
                origin,
            }) => {
                tell(&self.session, &pipeline, false, &differences);
                Ok(Resolution::Resumed(self.into_state(|validated| Resolved {
                    validated,
                    pipeline,
                    baseline,
                    differences,
                    origin,
                })))
            }
            Ok(ResolveOutcome::Created {
                pipeline,
                differences,
            }) => {
                tell(&self.session, &pipeline, true, &differences);
                Ok(Resolution::Created(self.into_state(|validated| Resolved {
                    validated,
                    pipeline,
                    baseline: Baseline::none(),
                    differences,
                    origin: Created(()),
                })))
            }
            Err(error) => Err(TransitionError::new(error, self)),
        }
    }
}

fn tell(session: &Session, pipeline: &Identified, is_created: bool, differences: &[Difference]) {
    session.requester.tell_of(|_| Event::Resolved {
        pipeline_id: pipeline.id.clone(),
        is_created,
    });
    for difference in differences {
        session.tell(&Event::Differs {
            pipeline_id: pipeline.id.clone(),
            difference: difference.clone(),
        });
    }
}

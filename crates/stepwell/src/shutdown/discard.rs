//! Undoes a create: the pipeline is stopped at once and deleted.

use stepwell_arroyo::StopMode;

use super::{stop_error::StopError, stop_pipeline::Stop};
use crate::{
    change::delete::{DeleteFailure, Deleting},
    error::Error,
    job::verdict::Baseline,
    observe::Step,
    resolve::{Action, ResolveError},
    session::{Deadline, Session},
    state::identified::Identified,
};

pub(crate) async fn discard(
    session: &Session,
    pipeline: &Identified,
    baseline: &Baseline,
    deadline: &Deadline,
) -> Result<(), Error> {
    let id = &pipeline.id;
    let stop = Stop::of(session, id, StopMode::Immediate, baseline, *deadline);
    let ended = match Box::pin(stop.run()).await {
        Ok(ending) => {
            // A shutdown need not see it, too.
            session.ticket.has_ended(&ending.job);
            Some(ending.job)
        }
        Err(StopError::Vanished { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    // What has its id now may be another client's.
    if !session.sight.is_replaced() {
        let deleting = Deleting {
            session,
            id,
            ended: ended.as_ref(),
            expected: baseline.expected(),
            step: Step::Stop,
            deadline,
        };
        deleting.run().await.map_err(|failure| match failure {
            // Another client has started it again.
            DeleteFailure::RunsAgain(..) => Error::from(StopError::Resumed { id: id.clone() }),
            DeleteFailure::Failed { error, .. } => {
                ResolveError::unanswered(Action::Discard, &pipeline.name, deadline, error).into()
            }
        })?;
    }
    session.ticket.forget();
    Ok(())
}

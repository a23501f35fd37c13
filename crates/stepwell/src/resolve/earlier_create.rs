//! What earlier submissions of the same spec have left in doubt under the same shutdown.

use std::sync::Arc;

use super::{
    ResolveError,
    attempt::CreateAttempt,
    settle::{Claims, SettleOutcome, settle},
};
use crate::{
    error::Error,
    session::{Deadline, Session},
    shutdown::registry::entry::Target,
    spec::PipelineSpec,
};

/// Where the server chooses the ids, a create in doubt has to be settled before the same spec may be created again: otherwise there are two
/// pipelines, though this process knew of the first.
///
/// A create whose submission was dropped is taken over; that of another submission is looked for.
pub(super) async fn earlier_create(
    session: &Session,
    spec: &PipelineSpec,
    deadline: &Deadline,
) -> Result<Option<CreateAttempt>, Error> {
    let registry = session.ticket.registry();
    let server = session.requester.server();
    while let Some(earlier) = registry.earlier_create(server, spec, session.ticket.id()) {
        let attempt = earlier.attempt;
        if earlier.is_under_way {
            let quiet = tokio::time::timeout(deadline.remaining(), registry.quiet(earlier.id));
            if quiet.await.is_err() {
                return Err(attempt.still_unknown().into());
            }
        } else if earlier.is_orphan {
            let target = Target::Attempted(attempt.clone());
            drop(session.intend(Arc::from(spec.name()), target, true)?);
            registry.remove(earlier.id);
            return Ok(Some(attempt));
        } else {
            let claims = Claims {
                registry,
                server,
                by: earlier.id,
            };
            let deadline = deadline.within(session.options.settle_timeout);
            return match settle(&session.requester, &attempt, claims, deadline).await {
                SettleOutcome::Found(_) | SettleOutcome::Conflict(_) => Ok(None),
                SettleOutcome::Ambiguous(pipelines) => {
                    Err(ResolveError::ambiguous(&pipelines).into())
                }
                SettleOutcome::Absent | SettleOutcome::Failed(_) => {
                    Err(attempt.still_unknown().into())
                }
            };
        }
    }
    Ok(None)
}

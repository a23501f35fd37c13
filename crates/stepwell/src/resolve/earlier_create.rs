//! What earlier submissions of the same spec have left in doubt under the same shutdown.

use stepwell_arroyo::Pipeline;

use super::{
    ResolveError,
    attempt::CreateAttempt,
    settle::{Claims, SettleOutcome, settle},
};
use crate::{
    error::Error,
    session::{Deadline, Session},
    spec::{Intent, PipelineSpec},
};

/// What has become of the creates that other submissions of the same spec have sent.
pub(super) enum EarlierCreate {
    /// None is in doubt.
    None,
    /// One is in doubt, and its submission was dropped: this one goes on with it.
    TakenOver(CreateAttempt),
    /// One has made this pipeline.
    Made(Box<Pipeline>),
}

/// Where the server chooses the ids, a create in doubt has to be settled before the same spec may be created again: otherwise there are two
/// pipelines, though this process knew of the first. That create may have been a `PUT`, if nodes of two versions answer.
pub(super) async fn earlier_create(
    session: &Session,
    spec: &PipelineSpec,
    deadline: &Deadline,
) -> Result<EarlierCreate, Error> {
    // It creates nothing, and an id is all that it looks for.
    if matches!(spec.intent(), Intent::Resume(_)) {
        return Ok(EarlierCreate::None);
    }
    let registry = session.ticket.registry();
    let server = session.requester.server();
    loop {
        let has_put = session.requester.memory().has_put();
        let earlier = registry.create_in_doubt(server, spec, has_put, session.ticket.id());
        let Some(earlier) = earlier else {
            return Ok(EarlierCreate::None);
        };
        let attempt = earlier.attempt;
        if earlier.is_under_way {
            let quiet = tokio::time::timeout(deadline.remaining(), registry.quiet(earlier.id));
            if quiet.await.is_err() {
                return Err(attempt.still_unknown().into());
            }
        } else if earlier.is_orphan {
            if session.take_over(&attempt, earlier.id)? {
                return Ok(EarlierCreate::TakenOver(attempt));
            }
        } else {
            let claims = Claims {
                registry,
                server,
                by: earlier.id,
            };
            let deadline = deadline.within(session.options.settle_timeout);
            match settle(&session.requester, &attempt, claims, deadline).await {
                SettleOutcome::Found(pipeline) => return Ok(EarlierCreate::Made(pipeline)),
                SettleOutcome::Conflict(_) => registry.made_nothing(earlier.id),
                SettleOutcome::Ambiguous(pipelines) => {
                    return Err(ResolveError::ambiguous(&pipelines).into());
                }
                SettleOutcome::Absent | SettleOutcome::Failed(_) => {
                    return Err(attempt.still_unknown().into());
                }
            }
        }
    }
}

//! Undoing a create: the pipeline is stopped at once and deleted.

use stepwell_arroyo::StopMode;

use super::{stop_error::StopError, stop_pipeline::Stop};
use crate::{
    error::Error,
    job::verdict::Baseline,
    resolve::{Action, ResolveError},
    session::{
        Deadline, Session,
        retryable::{is_gone, may_pass},
        to_completion,
    },
    state::Identified,
};

pub(crate) async fn discard(
    session: &Session,
    pipeline: &Identified,
    baseline: &Baseline,
    deadline: &Deadline,
) -> Result<(), Error> {
    let stop = Stop::of(
        session,
        &pipeline.id,
        StopMode::Immediate,
        baseline,
        *deadline,
    );
    match stop.run().await {
        Ok(_) | Err(StopError::Vanished { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let mut backoff = session.poll_pace();
    loop {
        let client = session.client_for_a_write();
        let id = pipeline.id.clone();
        match to_completion(async move { client.delete(&id).await }).await {
            Ok(()) => break,
            Err(error) if is_gone(&error) => break,
            Err(error) if may_pass(&error) && !deadline.is_over() => {
                let pause = backoff.retry(error.retry_after(), &session.jitter);
                deadline.sleep(pause).await;
            }
            Err(error) => {
                let name = &pipeline.name;
                return Err(
                    ResolveError::unanswered(Action::Discard, name, deadline, error).into(),
                );
            }
        }
    }
    session.ticket.forget();
    Ok(())
}

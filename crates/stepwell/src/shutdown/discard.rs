//! Undoes a create: the pipeline is stopped at once and deleted.

use stepwell_arroyo::{Operation, StopMode};

use super::{stop_error::StopError, stop_pipeline::Stop};
use crate::{
    error::Error,
    job::verdict::Baseline,
    observe::Step,
    resolve::{Action, ResolveError},
    session::{
        Deadline, Session,
        retry::{Request, is_gone},
        to_completion,
    },
    state::identified::Identified,
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
    match Box::pin(stop.run()).await {
        Ok(_) | Err(StopError::Vanished { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let deleted = session
        .requester
        .call(Request::Delete, Step::Stop, deadline, |client| {
            let id = pipeline.id.clone();
            let cut_off = || {
                let client = &session.requester.client;
                client.cut_off(Operation::Delete, pipeline.id.as_str())
            };
            to_completion(async move { client.delete(&id).await }, cut_off)
        });
    match deleted.await {
        Err(error) if !is_gone(&error) => {
            let name = &pipeline.name;
            return Err(ResolveError::unanswered(Action::Discard, name, deadline, error).into());
        }
        _ => {}
    }
    session.ticket.forget();
    Ok(())
}

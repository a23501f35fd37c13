//! Sends one create.

use std::sync::Arc;

use http::StatusCode;
use stepwell_arroyo::{ClientError, Made, Operation};

use super::attempt::{CreateAttempt, Sent};
use crate::{
    error::Error,
    session::{
        ServerMemory, Session,
        retry::{Failure, Request},
        to_completion,
    },
};

/// Sends one create. It is registered with the shutdown before, and the task that awaits the reply records the outcome, so that nothing is
/// lost if the caller is dropped. `None` if another create of the spec has to be settled first.
pub(super) async fn send(
    session: &Session,
    attempt: &mut CreateAttempt,
) -> Result<Option<Result<Made, ClientError>>, Error> {
    let before = attempt.sent;
    let by_put = attempt.way() == Request::Put;
    attempt.sent = if by_put { Sent::Put } else { Sent::Post };
    let guard = match session.intend_create(attempt) {
        Ok(Some(guard)) => guard,
        not_now => {
            attempt.sent = before;
            return not_now.map(|_| None);
        }
    };
    let client = session.requester.client_for_a_write();
    let ticket = session.ticket.clone();
    let sight = Arc::clone(&session.sight);
    let server = Arc::clone(session.requester.server());
    let request = attempt.request();
    let memory = session.requester.memory();
    let id = attempt.id().cloned();
    let cut_off = || {
        let client = &session.requester.client;
        client.cut_off(Operation::Create, attempt.spec.name())
    };
    let sending = async move {
        let reply = client.make(id.as_ref(), &request).await;
        if let Ok(made) = &reply {
            // The answer proves which create made the pipeline.
            ticket.registry().claim(&server, &made.id, ticket.id());
            ticket.found(&server, &made.id, true);
            sight.is_new(&made.id);
        } else if let (Sent::Nothing, Err(error)) = (before, &reply) {
            // Here and not in the caller, which may have been dropped.
            let failure = Failure::of(error);
            if by_put && failure == Failure::AlreadyThere {
                // The existing pipeline belongs to another client; or a proxy has sent the request twice, and it is ours. The shutdown
                // keeps it, but leaves it alone unless told to stop everything.
                guard.refused(error);
            } else if failure.changed_nothing() {
                ticket.forget();
            }
        }
        note_put(&memory, by_put, &reply);
        drop(guard);
        reply
    };
    Ok(Some(to_completion(sending, cut_off).await))
}

/// A server that has accepted a `PUT`, or refused it as it refuses a create, supports `PUT`.
fn note_put(memory: &ServerMemory, by_put: bool, reply: &Result<Made, ClientError>) {
    let taken = match reply {
        Ok(_) => true,
        Err(error) => matches!(
            error.status(),
            Some(StatusCode::BAD_REQUEST | StatusCode::CONFLICT)
        ),
    };
    if by_put && taken {
        memory.put_works();
    }
}

//! Waiting until the API answers.

use crate::{
    connect_error::ConnectError,
    error::Error,
    observe::Step,
    session::{Deadline, Session, retry::Request},
};

/// Pings until the answer is `"Pong"`. A refused connection is retried: a server that is still starting refuses connections just like a
/// host without one.
pub(crate) async fn ping(session: &Session, deadline: &Deadline) -> Result<(), Error> {
    let pinged = session.requester.call(
        Request::Ping,
        Step::Connect,
        deadline,
        |client| async move { client.ping().await },
    );
    Ok(pinged
        .await
        .map_err(|error| ConnectError::new(session.requester.url(), deadline.elapsed(), error))?)
}

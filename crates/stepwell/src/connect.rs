//! Waiting until the API answers.

use crate::{
    connect_error::ConnectError,
    error::Error,
    observe::Step,
    session::{Deadline, Session, need_runtime, retry::Request},
};

/// Pings until the answer is `"Pong"`. A server that is starting refuses connections; one that is not there at all does so too: only time
/// tells.
pub(crate) async fn ping(session: &Session, deadline: &Deadline) -> Result<(), Error> {
    need_runtime()?;
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

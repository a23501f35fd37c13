//! Reads the whole body of a request, within limits of size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time;

/// The largest body, as in Arroyo.
pub(super) const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// How much of a body that is too large is read and discarded before it is refused. A client whose connection is closed while it writes
/// often does not see the reply.
const DRAIN_LIMIT: usize = 16 * BODY_LIMIT;
/// How long reading a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
pub(super) enum BodyError {
    TooLarge,
    TimedOut,
    /// The connection broke, or the framing is invalid.
    Broken,
}

pub(super) async fn read_body(body: Incoming) -> Result<Bytes, BodyError> {
    time::timeout(BODY_TIMEOUT, read(body))
        .await
        .unwrap_or(Err(BodyError::TimedOut))
}

async fn read(mut body: Incoming) -> Result<Bytes, BodyError> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if expected > DRAIN_LIMIT {
        return Err(BodyError::TooLarge);
    }
    let mut collected = BytesMut::with_capacity(expected.min(BODY_LIMIT));
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length <= BODY_LIMIT {
            collected.extend_from_slice(&data);
        } else if length > DRAIN_LIMIT {
            break;
        }
    }
    if length > BODY_LIMIT {
        Err(BodyError::TooLarge)
    } else {
        Ok(collected.freeze())
    }
}

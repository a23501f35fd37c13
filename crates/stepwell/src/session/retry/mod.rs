//! Trying again: one table says what is done about a failed request ([`table`]), and one loop does it
//! ([`Requester::repeat`](super::Requester::repeat)).

mod backoff;
mod failure;
mod failure_streak;
mod table;
mod tries;

use std::time::Duration;

pub(crate) use self::{
    backoff::Backoff,
    failure::{Failure, is_gone},
    failure_streak::FailureStreak,
    table::{Next, Request},
    tries::Tries,
};

/// How long a pipeline may be unknown to the server before it counts as deleted: one that was just made may not show yet, and a node that
/// lags behind may not know it.
pub(crate) const GONE_AFTER: Duration = Duration::from_secs(10);

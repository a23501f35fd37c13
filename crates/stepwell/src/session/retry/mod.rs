//! Retries: one table decides what to do about a failed request ([`table`]), and one loop does it
//! ([`Tries::run`]).

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

/// How long the server may answer that it does not know a pipeline before it counts as deleted: a new pipeline may not be visible yet, and
/// a lagging node may not know it.
pub(crate) const GONE_AFTER: Duration = Duration::from_secs(10);

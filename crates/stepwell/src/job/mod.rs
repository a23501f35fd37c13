//! The job of a pipeline: watching it, and judging what is seen.

pub(crate) mod ended;
mod error;
mod last_seen;
mod poll_interval;
pub(crate) mod trouble;
pub(crate) mod verdict;
pub(crate) mod wait;
mod watch;

pub(crate) use self::poll_interval::PollInterval;
pub use self::{ended::Ended, error::WaitError, last_seen::LastSeen, trouble::Trouble};

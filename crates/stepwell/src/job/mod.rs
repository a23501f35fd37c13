//! The job of a pipeline: watching it, and interpreting what is observed.

pub(crate) mod ended;
mod last_seen;
mod log_reader;
mod poll_interval;
pub(crate) mod record;
mod shared_look;
pub(crate) mod sight;
pub(crate) mod trouble;
pub(crate) mod verdict;
pub(crate) mod wait;
mod wait_error;
pub(crate) mod watch;
pub(crate) mod watch_to_end;

pub(crate) use self::poll_interval::PollInterval;
pub use self::{ended::Ended, last_seen::LastSeen, trouble::Trouble, wait_error::WaitError};

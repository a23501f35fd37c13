//! A job that does not keep running: see [`Trouble`].

use std::{fmt, time::Duration};

use stepwell_arroyo::JobError;

use crate::words::{Time, times};

/// What is known of a job that does not keep running: it recovers, or restarts, or is about to fail.
///
/// Its `Display` reads after a colon: `it restarted 3 times in 12 s; newest error: task failed: division by zero`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trouble {
    /// How often the job has restarted since this submission began to watch it, without being told to. A restart that is under way counts.
    pub restarts: u32,
    /// How long ago the first of its troubles was seen.
    pub elapsed: Duration,
    /// The newest error that the job has logged in this trouble; `None` when the server gives none, or could not be asked. A release up to
    /// 0.15 logs none when a query fails in a worker process.
    pub error: Option<JobError>,
    /// Whether the server was asked and answered: only then is the lack of an error its word.
    pub is_answered: bool,
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.restarts > 0 {
            let (times, elapsed) = (times(self.restarts), Time(self.elapsed));
            write!(formatter, "it restarted {times} in {elapsed}; ")?;
        }
        match &self.error {
            Some(error) => write!(formatter, "newest error: {}", words(error)),
            None if self.is_answered => formatter.write_str("the server gives no reason"),
            None => formatter.write_str("the server could not be asked for the reason"),
        }
    }
}

/// An entry of a job's log on one line.
pub(crate) fn words(error: &JobError) -> String {
    match (error.message.as_str(), error.details.as_str()) {
        (message, "") => message.to_owned(),
        ("", details) => details.to_owned(),
        (message, details) => format!("{message}: {details}"),
    }
}

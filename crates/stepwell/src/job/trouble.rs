//! A job that does not keep running: see [`Trouble`].

use std::{fmt, time::Duration};

use stepwell_arroyo::JobError;

use crate::words::{Time, times};

/// What is known of a job that does not keep running: it recovers, restarts, or is about to fail.
///
/// Its `Display` is meant to follow a colon: `it restarted 3 times in 12 s; newest error: task failed: division by zero`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trouble {
    /// How often the job has restarted on its own since this submission began to watch it, including a restart that is under way.
    pub restarts: u32,
    /// How long ago the job's first trouble was seen.
    pub elapsed: Duration,
    /// The newest error that the job has logged during this trouble; `None` if the server gives none or could not be asked. Releases up to
    /// 0.15 log none if a query fails in a worker process.
    pub error: Option<JobError>,
    /// Whether the server answered when asked for the error: only then does `None` mean that it gives none.
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

/// An entry of a job's log as one line.
pub(crate) fn words(error: &JobError) -> String {
    match (error.message.as_str(), error.details.as_str()) {
        (message, "") => message.to_owned(),
        ("", details) => details.to_owned(),
        (message, details) => format!("{message}: {details}"),
    }
}

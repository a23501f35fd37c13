//! A job that does not keep running, as the events of its submission report it.

use std::fmt;

use stepwell::{
    arroyo::{JobError, readable},
    observe::Event,
};

/// A job that is restarted again and again.
///
/// Its `Display` reads after the id of the pipeline: `had failed and been restarted 3 times when it was stopped: task failed: …`.
#[derive(Clone, Debug)]
pub(crate) struct JobTrouble {
    restarts: u32,
    /// The newest error that the job has logged.
    error: Option<JobError>,
}

impl JobTrouble {
    /// What is known after this event.
    pub(super) fn after(before: Option<Self>, event: &Event) -> Option<Self> {
        match event {
            Event::JobTrouble {
                restarts, error, ..
            } => Some(Self {
                restarts: *restarts,
                error: error.clone(),
            }),
            Event::JobRecovered { .. } => None,
            _ => before,
        }
    }
}

impl fmt::Display for JobTrouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.restarts {
            0 => formatter.write_str("was failing")?,
            1 => formatter.write_str("had failed and been restarted")?,
            restarts => write!(formatter, "had failed and been restarted {restarts} times")?,
        }
        formatter.write_str(" when it was stopped")?;
        match &self.error {
            Some(error) => write!(formatter, ": {}", logged(error)),
            None => formatter.write_str("; the server gives no reason"),
        }
    }
}

/// An entry of a job's log in readable words.
pub(crate) fn logged(error: &JobError) -> String {
    readable(&format!("{}: {}", error.message, error.details))
}

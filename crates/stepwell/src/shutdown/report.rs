//! What became of every pipeline that a shutdown tracked.

use std::{fmt, time::SystemTime};

use snafu::Snafu;
use stepwell_arroyo::{ClientError, FailureReason, JobState, PipelineId};

use super::stop_error::StopError;
use crate::{chain::Chain, words::Ago};

/// What became of every pipeline that a [`Shutdown`](super::Shutdown) tracked.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// One entry for each pipeline that was created, started or found, and for each create that did not lead to a known pipeline.
    pub entries: Vec<ShutdownEntry>,
}

/// What became of one pipeline.
#[derive(Debug)]
#[non_exhaustive]
pub struct ShutdownEntry {
    /// The pipeline's name.
    pub name: String,
    /// Its id; `None` if a create was sent, its reply was lost, and the pipeline could not be found.
    pub id: Option<PipelineId>,
    /// How it ended.
    pub end: ShutdownEnd,
}

/// How one pipeline ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShutdownEnd {
    /// After the shutdown began it was seen Stopped, Finished or Failed, and intended to stay so.
    Ended {
        /// The state it ended in.
        state: JobState,
        /// Whether a final checkpoint was taken; as
        /// [`Submission::final_checkpoint`](crate::Submission::<crate::state::Stopped>::final_checkpoint).
        final_checkpoint: Option<bool>,
        /// Why it failed, if the server says so. A stop can end like this too: `failed while stopping job` (recording
        /// `112_stop_immediate_states` of 0.15.0).
        failure: Option<FailureReason>,
    },
    /// It was deleted.
    Deleted,
    /// Its create was refused: there is no such pipeline.
    NotCreated,
    /// It was left running, according to [`OnShutdown`](super::OnShutdown).
    Left,
    /// It may still be running.
    Unsettled {
        /// When this process began to create or start it.
        since: SystemTime,
        /// Why it is not known to have ended.
        error: Unsettled,
    },
}

/// Why a pipeline is not known to have ended.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum Unsettled {
    /// Stopping the pipeline failed.
    #[snafu(display("it was not seen stopped"))]
    Stop {
        /// The cause.
        #[snafu(source(from(StopError, Box::new)))]
        source: Box<StopError>,
    },
    /// A request that creates or starts it was still under way at the deadline.
    #[snafu(display("a request for it was still under way at the deadline; look for it by name"))]
    UnderWay,
    /// A create was sent, its reply was lost, and the pipeline has not appeared.
    #[snafu(display(
        "its create was sent and not answered, and it has not shown up; it may still: look for it by name, and run the same submission again, which finds it"
    ))]
    Absent,
    /// The create was refused, with or without saying that the pipeline exists, but no pipeline has appeared under its id.
    #[snafu(display("its create was refused, and no pipeline has shown up: {refusal}"))]
    Refused {
        /// The refusal, in the server's words.
        refusal: String,
    },
    /// A create was sent, its reply was lost, and several pipelines may be its result.
    #[snafu(display(
        "its create was sent and not answered, and any of these may be it: {}",
        list(ids)
    ))]
    Ambiguous {
        /// The candidates.
        ids: Vec<PipelineId>,
    },
    /// Stopping it panicked, probably in the transport.
    #[snafu(display("stopping it panicked, perhaps in the transport: {message}"))]
    Panicked {
        /// The message of the panic.
        message: String,
    },
    /// Nothing could be sent, because the shutdown was not driven by a tokio runtime.
    #[snafu(display(
        "it was not asked to stop: there is no tokio runtime; call this from within one"
    ))]
    NoRuntime,
    /// A create was sent, its reply was lost, and looking for the pipeline failed.
    #[snafu(display("its create was sent and not answered, and looking for it failed"))]
    Look {
        /// The cause.
        source: ClientError,
    },
}

fn list(ids: &[PipelineId]) -> String {
    ids.iter()
        .map(PipelineId::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Some pipelines may still be running: see the report.
#[derive(Debug, Snafu)]
#[snafu(display("{} of {} pipelines may still be running: {report}", report.unsettled().count(), report.entries.len()))]
#[non_exhaustive]
pub struct ShutdownError {
    /// What became of each pipeline.
    pub report: ShutdownReport,
}

impl ShutdownReport {
    /// The entries of pipelines that may still be running although they should not be.
    pub fn unsettled(&self) -> impl Iterator<Item = &ShutdownEntry> {
        self.entries
            .iter()
            .filter(|entry| matches!(entry.end, ShutdownEnd::Unsettled { .. }))
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return formatter.write_str("nothing to stop");
        }
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                formatter.write_str("; ")?;
            }
            write!(formatter, "{entry}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ShutdownEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "pipeline {:?}", self.name)?;
        if let Some(id) = &self.id {
            write!(formatter, " ({id})")?;
        }
        if let ShutdownEnd::Unsettled { since, .. } = &self.end {
            write!(formatter, " (begun {})", Ago(*since))?;
        }
        write!(formatter, " {}", self.end)
    }
}

/// Reads after the name of the pipeline.
impl fmt::Display for ShutdownEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended {
                state,
                final_checkpoint,
                failure,
            } => {
                write!(formatter, "is {state}")?;
                formatter.write_str(match final_checkpoint {
                    Some(true) => " with a final checkpoint",
                    // A finished job has processed all its input and needs none.
                    _ if *state == JobState::Finished => "",
                    Some(false) => " without a final checkpoint",
                    None => " (whether a final checkpoint was made is not known)",
                })?;
                match failure {
                    Some(failure) => write!(formatter, ": {}", failure.error),
                    None => Ok(()),
                }
            }
            Self::Deleted => formatter.write_str("was deleted"),
            Self::NotCreated => formatter.write_str("was not created"),
            Self::Left => formatter.write_str("was left as it is"),
            Self::Unsettled { error, .. } => {
                write!(formatter, "may still be running: {}", Chain(error))
            }
        }
    }
}

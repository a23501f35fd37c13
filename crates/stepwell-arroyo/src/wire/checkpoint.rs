use serde::{Deserialize, Serialize};

use super::named::named;

named! {
    /// Why a checkpoint was taken.
    pub enum CheckpointType {
        /// The checkpoint interval had passed.
        Scheduled = "scheduled",
        /// The job was stopped with a final checkpoint.
        Stopping = "stopping",
    }
}

impl CheckpointType {
    /// Whether it is the final one of a run.
    pub fn is_stopping(&self) -> bool {
        *self == Self::Stopping
    }
}

/// A checkpoint of a job (`GET …/jobs/{id}/checkpoints`, recordings
/// `200_job_checkpoints_after_some` and `214_checkpoints_stopped`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Checkpoint {
    /// Its number. It increases across runs, and restarts with a run that begins without state (recordings
    /// `110_stop_checkpoint_checkpoints` and `137_checkpoints_after` of 0.15.0).
    pub epoch: u64,
    /// The storage backend.
    #[serde(default)]
    pub backend: String,
    /// Why it was taken. It is `None` on servers up to 0.15 (recording `510_stop_checkpoint_checkpoints` of 0.15.0), where a final checkpoint
    /// looks like any other.
    #[serde(
        alias = "checkpointType",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub checkpoint_type: Option<CheckpointType>,
    /// When it began, in microseconds of Unix time.
    #[serde(alias = "startTime")]
    pub start_time: u64,
    /// When it was complete, in microseconds of Unix time; `None` until then.
    #[serde(alias = "finishTime", default)]
    pub finish_time: Option<u64>,
    /// Its parts.
    #[serde(default)]
    pub events: Vec<CheckpointSpan>,
}

/// A part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckpointSpan {
    /// When it began, in microseconds of Unix time.
    #[serde(alias = "startTime")]
    pub start_time: u64,
    /// When it ended, in microseconds of Unix time.
    #[serde(alias = "finishTime", default)]
    pub finish_time: u64,
    /// The kind of the part.
    pub event: String,
    /// A description for people.
    #[serde(default)]
    pub description: String,
}

impl Checkpoint {
    /// Creates a checkpoint that has begun.
    pub fn new(
        epoch: u64,
        backend: impl Into<String>,
        checkpoint_type: CheckpointType,
        start_time: u64,
    ) -> Self {
        Self {
            epoch,
            backend: backend.into(),
            checkpoint_type: Some(checkpoint_type),
            start_time,
            finish_time: None,
            events: Vec::new(),
        }
    }
}

impl CheckpointSpan {
    /// Creates a part.
    pub fn new(
        start_time: u64,
        finish_time: u64,
        event: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self {
            start_time,
            finish_time,
            event: event.into(),
            description: description.into(),
        }
    }
}

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{PipelineGraph, named::named};
use crate::PipelineId;

named! {
    /// Whether a pipeline should run, and how it should stop.
    pub enum StopMode {
        /// It should run.
        None = "none",
        /// Take a final checkpoint, then stop.
        Checkpoint = "checkpoint",
        /// Process what is in flight, then stop.
        Graceful = "graceful",
        /// Stop without a checkpoint.
        Immediate = "immediate",
        /// Mark it as stopped at once.
        Force = "force",
    }
}

named! {
    /// The language of a user-defined function.
    pub enum UdfLanguage {
        /// Python.
        Python = "python",
        /// Rust.
        Rust = "rust",
    }
}

/// A user-defined function. `Debug` does not show its code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Udf {
    /// Its code.
    pub definition: String,
    /// Its language; Rust if a server does not have the field.
    #[serde(default = "rust")]
    pub language: UdfLanguage,
}

fn rust() -> UdfLanguage {
    UdfLanguage::Rust
}

/// A pipeline as a server shows it (`GET /api/v1/pipelines/{id}`, recording `102_get_pipeline_running`). The state belongs to its
/// [`Job`](crate::Job). `Debug` shows neither the query nor the functions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pipeline {
    /// Its id.
    pub id: PipelineId,
    /// Its name, which need not be unique.
    pub name: String,
    /// Its SQL.
    pub query: String,
    /// Its user-defined functions.
    #[serde(default)]
    pub udfs: Vec<Udf>,
    /// The time between two checkpoints.
    #[serde(alias = "checkpointIntervalMicros", default)]
    pub checkpoint_interval_micros: u64,
    /// Whether it should run, and how it should stop.
    pub stop: StopMode,
    /// When it was created, in microseconds of Unix time; on SQLite to the second.
    #[serde(alias = "createdAt")]
    pub created_at: u64,
    /// The action that the dashboard offers: `none` means "start". `None` if it offers no action.
    #[serde(default)]
    pub action: Option<StopMode>,
    /// The dashboard's name for the action.
    #[serde(alias = "actionText", default)]
    pub action_text: String,
    /// Whether an action is in progress.
    #[serde(alias = "actionInProgress", default)]
    pub action_in_progress: bool,
    /// Its plan.
    #[serde(default)]
    pub graph: PipelineGraph,
    /// Whether it is a preview, which ends when its viewer leaves.
    #[serde(default)]
    pub preview: bool,
    /// The state that it was started from; absent on servers up to 0.15.
    #[serde(default)]
    pub state_url: Option<String>,
    /// Its tags; empty on servers up to 0.15.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Udf {
    /// Creates a function in Rust.
    pub fn rust(definition: impl Into<String>) -> Self {
        Self {
            definition: definition.into(),
            language: UdfLanguage::Rust,
        }
    }

    /// Creates a function in Python.
    pub fn python(definition: impl Into<String>) -> Self {
        Self {
            definition: definition.into(),
            language: UdfLanguage::Python,
        }
    }
}

impl Pipeline {
    /// A pipeline that was just created and should run.
    pub fn new(
        id: PipelineId,
        name: impl Into<String>,
        query: impl Into<String>,
        created_at: u64,
    ) -> Self {
        Self {
            id,
            name: name.into(),
            query: query.into(),
            udfs: Vec::new(),
            checkpoint_interval_micros: 10_000_000,
            stop: StopMode::None,
            created_at,
            action: Some(StopMode::Checkpoint),
            action_text: "Stop".to_owned(),
            action_in_progress: true,
            graph: PipelineGraph::default(),
            preview: false,
            state_url: None,
            tags: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Udf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Udf")
            .field("definition", &Hidden(&self.definition))
            .field("language", &self.language)
            .finish()
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pipeline")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("query", &Hidden(&self.query))
            .field("stop", &self.stop)
            .field("created_at", &self.created_at)
            .field("preview", &self.preview)
            .finish_non_exhaustive()
    }
}

/// A text whose `Debug` only shows its length, because SQL contains the passwords of connectors.
pub(crate) struct Hidden<'a>(pub(crate) &'a str);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<{} bytes>", self.0.len())
    }
}

use std::{collections::BTreeMap, fmt, num::NonZeroU32, sync::Arc};

use serde::{Serialize, ser::SerializeMap};

use super::{StopMode, Udf, pipeline::Hidden};

/// The body of a validation (`POST /api/v1/pipelines/validate_query`).
#[derive(Serialize)]
pub(crate) struct ValidateQuery<'a> {
    pub(crate) query: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) udfs: &'a [Udf],
}

/// A pipeline to create (`POST /api/v1/pipelines`, `PUT /api/v1/pipelines/{id}`). `Debug` shows neither the query nor the environment.
///
/// Unset fields are left out. The checkpoint interval is written in both spellings: servers up to 0.14 read
/// `checkpointIntervalMicros`, later ones `checkpoint_interval_micros`, and every server ignores unknown fields (recording
/// `439_create_unknown_field`).
///
/// ```
/// use std::num::NonZeroU32;
///
/// use stepwell_arroyo::CreatePipeline;
///
/// let create = CreatePipeline::new("orders", "SELECT 1", NonZeroU32::MIN)
///     .tags([("team".to_owned(), "data".to_owned())].into());
/// assert_eq!(
///     serde_json::to_value(&create)?,
///     serde_json::json!({"name": "orders", "query": "SELECT 1", "parallelism": 1, "tags": {"team": "data"}})
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
#[must_use]
pub struct CreatePipeline {
    pub(crate) name: Arc<str>,
    pub(crate) query: Arc<str>,
    pub(crate) parallelism: NonZeroU32,
    pub(crate) checkpoint_interval_micros: Option<u64>,
    pub(crate) udfs: Vec<Udf>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) env_vars: BTreeMap<String, String>,
    pub(crate) scheduler_config: Option<serde_json::Value>,
}

/// A change to a pipeline (`PATCH /api/v1/pipelines/{id}`). Unset fields are left out. `Debug` does not show the environment.
///
/// ```
/// use stepwell_arroyo::{PatchPipeline, StopMode};
///
/// let patch = PatchPipeline::new().stop(StopMode::Checkpoint);
/// assert_eq!(serde_json::to_string(&patch)?, r#"{"stop":"checkpoint"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct PatchPipeline {
    pub(crate) stop: Option<StopMode>,
    pub(crate) parallelism: Option<NonZeroU32>,
    pub(crate) checkpoint_interval_micros: Option<u64>,
    pub(crate) env_vars: Option<BTreeMap<String, String>>,
    pub(crate) scheduler_config: Option<serde_json::Value>,
}

/// A restart (`POST /api/v1/pipelines/{id}/restart`, recordings `250_restart_empty_object`–`254_restart_ignore_state`). Unset fields are
/// left out.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
#[must_use]
pub struct RestartPipeline {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) force: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignore_state: Option<bool>,
}

impl CreatePipeline {
    /// Creates the request, with the server's defaults for everything else.
    pub fn new(
        name: impl Into<Arc<str>>,
        query: impl Into<Arc<str>>,
        parallelism: NonZeroU32,
    ) -> Self {
        Self {
            name: name.into(),
            query: query.into(),
            parallelism,
            checkpoint_interval_micros: None,
            udfs: Vec::new(),
            tags: BTreeMap::new(),
            env_vars: BTreeMap::new(),
            scheduler_config: None,
        }
    }

    /// Sets the time between two checkpoints. A server accepts 1 second to 1 day.
    pub fn checkpoint_interval_micros(mut self, micros: u64) -> Self {
        self.checkpoint_interval_micros = Some(micros);
        self
    }

    /// Sets the user-defined functions.
    pub fn udfs(mut self, udfs: Vec<Udf>) -> Self {
        self.udfs = udfs;
        self
    }

    /// Sets the tags. Servers up to 0.15 ignore them.
    pub fn tags(mut self, tags: BTreeMap<String, String>) -> Self {
        self.tags = tags;
        self
    }

    /// Sets the environment of the workers. Servers up to 0.15 ignore it.
    pub fn env_vars(mut self, env_vars: BTreeMap<String, String>) -> Self {
        self.env_vars = env_vars;
        self
    }

    /// Sets the overlay on the scheduler's configuration. Servers up to 0.15 ignore it.
    pub fn scheduler_config(mut self, config: serde_json::Value) -> Self {
        self.scheduler_config = Some(config);
        self
    }
}

impl PatchPipeline {
    /// Creates an empty change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether the pipeline should run, and how it should stop.
    pub fn stop(mut self, stop: StopMode) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Sets the parallelism.
    pub fn parallelism(mut self, parallelism: NonZeroU32) -> Self {
        self.parallelism = Some(parallelism);
        self
    }

    /// Sets the time between two checkpoints.
    pub fn checkpoint_interval_micros(mut self, micros: u64) -> Self {
        self.checkpoint_interval_micros = Some(micros);
        self
    }

    /// Replaces the whole environment of the workers. Servers up to 0.15 ignore it.
    pub fn env_vars(mut self, env_vars: BTreeMap<String, String>) -> Self {
        self.env_vars = Some(env_vars);
        self
    }

    /// Replaces the overlay on the scheduler's configuration. Servers up to 0.15 ignore it.
    pub fn scheduler_config(mut self, config: serde_json::Value) -> Self {
        self.scheduler_config = Some(config);
        self
    }
}

impl RestartPipeline {
    /// Creates an ordinary restart.
    pub fn new() -> Self {
        Self::default()
    }

    /// Restarts without waiting for what is in flight. This frees a job that is stuck in Restarting.
    pub fn force(mut self) -> Self {
        self.force = Some(true);
        self
    }

    /// Starts without state: **the pipeline's last checkpoint is lost**. stepwell never does this by itself.
    pub fn ignore_state(mut self) -> Self {
        self.ignore_state = Some(true);
        self
    }
}

impl Serialize for CreatePipeline {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &*self.name)?;
        map.serialize_entry("query", &*self.query)?;
        map.serialize_entry("parallelism", &self.parallelism)?;
        if !self.udfs.is_empty() {
            map.serialize_entry("udfs", &self.udfs)?;
        }
        interval(&mut map, self.checkpoint_interval_micros)?;
        if !self.tags.is_empty() {
            map.serialize_entry("tags", &self.tags)?;
        }
        if !self.env_vars.is_empty() {
            map.serialize_entry("env_vars", &self.env_vars)?;
        }
        if let Some(config) = &self.scheduler_config {
            map.serialize_entry("scheduler_config", config)?;
        }
        map.end()
    }
}

impl Serialize for PatchPipeline {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(stop) = &self.stop {
            map.serialize_entry("stop", stop)?;
        }
        if let Some(parallelism) = &self.parallelism {
            map.serialize_entry("parallelism", parallelism)?;
        }
        interval(&mut map, self.checkpoint_interval_micros)?;
        if let Some(env_vars) = &self.env_vars {
            map.serialize_entry("env_vars", env_vars)?;
        }
        if let Some(config) = &self.scheduler_config {
            map.serialize_entry("scheduler_config", config)?;
        }
        map.end()
    }
}

/// Writes the interval in both spellings, for servers before and after 0.15.
fn interval<M: SerializeMap>(map: &mut M, micros: Option<u64>) -> Result<(), M::Error> {
    if let Some(micros) = micros {
        map.serialize_entry("checkpoint_interval_micros", &micros)?;
        map.serialize_entry("checkpointIntervalMicros", &micros)?;
    }
    Ok(())
}

impl fmt::Debug for PatchPipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PatchPipeline")
            .field("stop", &self.stop)
            .field("parallelism", &self.parallelism)
            .field(
                "checkpoint_interval_micros",
                &self.checkpoint_interval_micros,
            )
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CreatePipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CreatePipeline")
            .field("name", &self.name)
            .field("query", &Hidden(&self.query))
            .field("parallelism", &self.parallelism)
            .finish_non_exhaustive()
    }
}

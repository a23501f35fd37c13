//! What to submit: the query and everything that belongs to it.

mod checkpoint_interval;
mod identity;
mod shared;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};
use snafu::{Snafu, ensure};
use stepwell_arroyo::{PipelineId, Udf};

pub use checkpoint_interval::{CheckpointInterval, CheckpointIntervalError};
pub use identity::{FindBy, Identity};

/// What a submission may do to get its pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intent {
    /// Resume the pipeline with the same query, or create one.
    #[default]
    ResumeOrCreate,
    /// Create one; a pipeline with the same query is an error.
    CreateOnly,
    /// Resume the pipeline with the same query; that there is none is an error, and nothing is created.
    ResumeOnly,
    /// Resume exactly this pipeline: the choice between several with the same query.
    Resume(PipelineId),
}

/// What to do when the pipeline with the same query has finished, for a finished one cannot be resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenFinished {
    /// An error that says so.
    #[default]
    Refuse,
    /// Create a new pipeline, which starts from the beginning; not under [`Intent::ResumeOnly`] and [`Intent::Resume`], which create
    /// nothing.
    NewRun,
}

/// What to do when the pipeline to resume has other UDFs than the spec: the server would run the old code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenUdfsDiffer {
    /// An error that says so.
    #[default]
    Refuse,
    /// Resume with the old UDFs and report the difference.
    Allow,
}

/// A pipeline to submit.
///
/// `Debug` shows neither the query nor the UDFs nor values of the environment: SQL carries the passwords of connectors.
///
/// ```
/// use std::num::NonZeroU32;
/// use stepwell::{PipelineSpec, spec::Intent};
///
/// let spec = PipelineSpec::builder("SELECT * FROM orders")
///     .name("orders")
///     .parallelism(NonZeroU32::MIN)
///     .intent(Intent::ResumeOrCreate)
///     .build()?;
/// assert_eq!(spec.name(), "orders");
/// # Ok::<(), stepwell::spec::SpecError>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct PipelineSpec {
    fields: Fields,
}

/// The serde form of a spec; a spec is one whose fields have been checked.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    /// Shared, as the name is, with the copies of the spec and with the requests that carry them.
    query: Arc<str>,
    #[serde(default = "default_name")]
    name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parallelism: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    udfs: Vec<Udf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint_interval_micros: Option<CheckpointInterval>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheduler_config: Option<serde_json::Value>,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    intent: Intent,
    #[serde(default)]
    when_finished: WhenFinished,
    #[serde(default)]
    when_udfs_differ: WhenUdfsDiffer,
    #[serde(default)]
    identity: Identity,
    #[serde(default)]
    find_by: FindBy,
}

/// The name that a pipeline gets without one, as with `arroyo run`.
fn default_name() -> Arc<str> {
    "query".into()
}

/// A spec that no server would take.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecError {
    /// The name is empty; a server answers `Field name must be set` (recording `124_create_empty_name`).
    #[snafu(display("the pipeline's name is empty; give one, or leave it out for \"query\""))]
    EmptyName,
    /// The scheduler's configuration is not an object.
    #[snafu(display("the scheduler configuration of pipeline {name:?} is not a JSON object"))]
    SchedulerConfig {
        /// The pipeline's name.
        name: String,
    },
    /// It is to be found by its id, and the id is the server's choice.
    #[snafu(display(
        "pipeline {name:?} is to be found by its id, which only the server knows; give it an id, let it follow from the spec, or find it by its query"
    ))]
    FindByUnknownId {
        /// The pipeline's name.
        name: String,
    },
}

impl TryFrom<Fields> for PipelineSpec {
    type Error = SpecError;

    fn try_from(fields: Fields) -> Result<Self, SpecError> {
        let name = &*fields.name;
        ensure!(!name.is_empty(), EmptyNameSnafu);
        ensure!(
            fields
                .scheduler_config
                .as_ref()
                .is_none_or(serde_json::Value::is_object),
            SchedulerConfigSnafu { name }
        );
        ensure!(
            fields.find_by != FindBy::Id || fields.identity != Identity::ServerAssigned,
            FindByUnknownIdSnafu { name }
        );
        Ok(Self { fields })
    }
}

impl From<PipelineSpec> for Fields {
    fn from(spec: PipelineSpec) -> Self {
        spec.fields
    }
}

impl PipelineSpec {
    /// A spec of this query, with every default.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            fields: Fields::new(query.into().into()),
        }
    }

    /// Starts a spec of this query.
    pub fn builder(query: impl Into<String>) -> PipelineSpecBuilder {
        PipelineSpecBuilder {
            fields: Fields::new(query.into().into()),
        }
    }

    /// The SQL, exactly as it was given: an exact match decides what is "the same query".
    pub fn query(&self) -> &str {
        &self.fields.query
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.fields.name
    }

    /// The parallelism, if it was asked for.
    pub fn parallelism(&self) -> Option<NonZeroU32> {
        self.fields.parallelism
    }

    /// The user-defined functions that the query needs.
    pub fn udfs(&self) -> &[Udf] {
        &self.fields.udfs
    }

    /// The checkpoint interval, if it was asked for.
    pub fn checkpoint_interval(&self) -> Option<CheckpointInterval> {
        self.fields.checkpoint_interval_micros
    }

    /// Tags of the pipeline.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.fields.tags
    }

    /// Environment variables of the workers.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.fields.environment
    }

    /// An overlay on the server's scheduler configuration.
    pub fn scheduler_config(&self) -> Option<&serde_json::Value> {
        self.fields.scheduler_config.as_ref()
    }

    /// Whether to create although the server holds other pipelines.
    pub fn force(&self) -> bool {
        self.fields.force
    }

    /// What the submission may do.
    pub fn intent(&self) -> &Intent {
        &self.fields.intent
    }

    /// What to do about a finished pipeline.
    pub fn when_finished(&self) -> WhenFinished {
        self.fields.when_finished
    }

    /// What to do about other UDFs.
    pub fn when_udfs_differ(&self) -> WhenUdfsDiffer {
        self.fields.when_udfs_differ
    }

    /// Which id a new pipeline gets.
    pub fn identity(&self) -> &Identity {
        &self.fields.identity
    }

    /// How the pipeline is found.
    pub fn find_by(&self) -> FindBy {
        self.fields.find_by
    }
}

impl Fields {
    fn new(query: Arc<str>) -> Self {
        Self {
            query,
            name: default_name(),
            parallelism: None,
            udfs: Vec::new(),
            checkpoint_interval_micros: None,
            tags: BTreeMap::new(),
            environment: BTreeMap::new(),
            scheduler_config: None,
            force: false,
            intent: Intent::default(),
            when_finished: WhenFinished::default(),
            when_udfs_differ: WhenUdfsDiffer::default(),
            identity: Identity::default(),
            find_by: FindBy::default(),
        }
    }
}

impl fmt::Debug for PipelineSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PipelineSpec")
            .field("name", &self.fields.name)
            .field(
                "query",
                &format_args!("<{} bytes>", self.fields.query.len()),
            )
            .field("parallelism", &self.fields.parallelism)
            .field("udfs", &self.fields.udfs.len())
            .field("intent", &self.fields.intent)
            .field("identity", &self.fields.identity)
            .field("find_by", &self.fields.find_by)
            .field("force", &self.fields.force)
            .finish_non_exhaustive()
    }
}

/// Makes a [`PipelineSpec`].
#[derive(Clone)]
#[must_use]
pub struct PipelineSpecBuilder {
    fields: Fields,
}

impl fmt::Debug for PipelineSpecBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PipelineSpecBuilder")
            .field("name", &self.fields.name)
            .finish_non_exhaustive()
    }
}

impl PipelineSpecBuilder {
    /// The pipeline's name; `query` without one. Names need not be unique on a server.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.fields.name = name.into().into();
        self
    }

    /// How many subtasks run in parallel. Without it a new pipeline gets 1, and one that is resumed keeps what it has.
    pub fn parallelism(mut self, parallelism: NonZeroU32) -> Self {
        self.fields.parallelism = Some(parallelism);
        self
    }

    /// Adds a user-defined function.
    pub fn udf(mut self, udf: Udf) -> Self {
        self.fields.udfs.push(udf);
        self
    }

    /// How often the server takes a checkpoint.
    pub fn checkpoint_interval(mut self, interval: CheckpointInterval) -> Self {
        self.fields.checkpoint_interval_micros = Some(interval);
        self
    }

    /// Adds a tag. Servers up to 0.15 ignore tags, which is reported.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.tags.insert(key.into(), value.into());
        self
    }

    /// Adds an environment variable of the workers. Servers up to 0.15 ignore these, which is reported.
    pub fn environment(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.environment.insert(key.into(), value.into());
        self
    }

    /// An overlay on the server's scheduler configuration: a JSON object. Servers up to 0.15 ignore it, which is reported.
    pub fn scheduler_config(mut self, config: serde_json::Value) -> Self {
        self.fields.scheduler_config = Some(config);
        self
    }

    /// Create although the server holds other pipelines.
    pub fn force(mut self, force: bool) -> Self {
        self.fields.force = force;
        self
    }

    /// What the submission may do.
    pub fn intent(mut self, intent: Intent) -> Self {
        self.fields.intent = intent;
        self
    }

    /// What to do about a finished pipeline with the same query.
    pub fn when_finished(mut self, when: WhenFinished) -> Self {
        self.fields.when_finished = when;
        self
    }

    /// What to do about a pipeline with the same query and other UDFs.
    pub fn when_udfs_differ(mut self, when: WhenUdfsDiffer) -> Self {
        self.fields.when_udfs_differ = when;
        self
    }

    /// Which id a new pipeline gets.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.fields.identity = identity;
        self
    }

    /// How the pipeline is found: by its query, or by its id alone.
    pub fn find_by(mut self, find_by: FindBy) -> Self {
        self.fields.find_by = find_by;
        self
    }

    /// The spec.
    ///
    /// # Errors
    ///
    /// When the name is empty, the scheduler's configuration is not an object, or the pipeline is to be found by an id that the server
    /// assigns.
    pub fn build(self) -> Result<PipelineSpec, SpecError> {
        PipelineSpec::try_from(self.fields)
    }
}

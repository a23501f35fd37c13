//! [`PipelineSpec`]: the query and its settings.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};
use snafu::{Snafu, ensure};
use stepwell_arroyo::{PipelineId, Udf};

use super::{
    checkpoint_interval::CheckpointInterval,
    identity::{FindBy, Identity},
    intent::{Intent, WhenFinished, WhenUdfsDiffer},
};

/// A pipeline to submit.
///
/// `Debug` shows neither the query, nor the UDFs, nor the values of the environment: SQL contains the passwords of connectors.
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
    pub(super) fields: Fields,
}

/// The serde form of a spec; a [`PipelineSpec`] is one whose fields have been validated.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    /// Shared, like the name, with copies of the spec and with the requests that carry them.
    pub(super) query: Arc<str>,
    #[serde(default = "default_name")]
    pub(super) name: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parallelism: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) udfs: Vec<Udf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint_interval_micros: Option<CheckpointInterval>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scheduler_config: Option<serde_json::Value>,
    #[serde(default)]
    pub(super) force: bool,
    #[serde(default)]
    pub(super) intent: Intent,
    #[serde(default)]
    pub(super) when_finished: WhenFinished,
    #[serde(default)]
    pub(super) when_udfs_differ: WhenUdfsDiffer,
    #[serde(default)]
    pub(super) identity: Identity,
    #[serde(default)]
    pub(super) find_by: FindBy,
}

/// The default name, as with `arroyo run`.
fn default_name() -> Arc<str> {
    "query".into()
}

/// A spec that no server would accept.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecError {
    /// The name is empty; a server answers `Field name must be set` (recording `124_create_empty_name`).
    #[snafu(display("the pipeline's name is empty; give one, or leave it out for \"query\""))]
    EmptyName,
    /// The scheduler configuration is not an object.
    #[snafu(display("the scheduler configuration of pipeline {name:?} is not a JSON object"))]
    SchedulerConfig {
        /// The pipeline's name.
        name: String,
    },
    /// The pipeline is to be found by its id, but the server assigns the id.
    #[snafu(display(
        "pipeline {name:?} is to be found by its id, which only the server knows; give it an id, derive it from the spec, or find it by its query"
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
    /// A spec for this query with default settings.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            fields: Fields::new(query.into().into()),
        }
    }

    /// The SQL exactly as given: "the same query" means an exact match.
    pub fn query(&self) -> &str {
        &self.fields.query
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.fields.name
    }

    /// The parallelism, if one was requested.
    pub fn parallelism(&self) -> Option<NonZeroU32> {
        self.fields.parallelism
    }

    /// The user-defined functions of the query.
    pub fn udfs(&self) -> &[Udf] {
        &self.fields.udfs
    }

    /// The checkpoint interval, if one was requested.
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

    /// Whether to create the pipeline even though the server holds others.
    pub fn force(&self) -> bool {
        self.fields.force
    }

    /// What the submission may do.
    pub fn intent(&self) -> &Intent {
        &self.fields.intent
    }

    /// What to do if the pipeline has finished.
    pub fn when_finished(&self) -> WhenFinished {
        self.fields.when_finished
    }

    /// What to do if the UDFs differ.
    pub fn when_udfs_differ(&self) -> WhenUdfsDiffer {
        self.fields.when_udfs_differ
    }

    /// Which id a new pipeline gets.
    pub fn identity(&self) -> &Identity {
        &self.fields.identity
    }

    /// The id that a new pipeline gets, on a server that lets the client choose; `None` if the server is to assign it.
    ///
    /// An orchestrator can store it before it submits, and later [`attach`](crate::Submission::attach) by it, without keeping the query.
    pub fn id(&self) -> Option<PipelineId> {
        match self.identity() {
            Identity::ServerAssigned => None,
            Identity::Given(id) => Some(id.clone()),
            Identity::FromSpec { namespace } => {
                Some(PipelineId::for_spec(namespace, self.name(), self.query()))
            }
        }
    }

    /// How the pipeline is found.
    pub fn find_by(&self) -> FindBy {
        self.fields.find_by
    }
}

impl Fields {
    pub(super) fn new(query: Arc<str>) -> Self {
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

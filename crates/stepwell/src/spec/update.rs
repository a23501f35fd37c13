//! [`Update`]: settings to change of a pipeline that runs.

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use super::{checkpoint_interval::CheckpointInterval, pipeline_spec::PipelineSpec};

/// Settings to change of a pipeline that runs; see [`Submission::update`](crate::Submission::update). What is not set stays as it is.
///
/// `Debug` does not show the values of the environment.
///
/// ```
/// use std::{num::NonZeroU32, time::Duration};
/// use stepwell::spec::{CheckpointInterval, Update};
///
/// let update = Update::new()
///     .parallelism(NonZeroU32::MIN)
///     .checkpoint_interval(CheckpointInterval::new(Duration::from_secs(30))?);
/// assert!(!update.is_empty());
/// # Ok::<(), stepwell::spec::CheckpointIntervalError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
#[must_use]
pub struct Update {
    pub(crate) parallelism: Option<NonZeroU32>,
    pub(crate) checkpoint_interval: Option<CheckpointInterval>,
    pub(crate) environment: Option<BTreeMap<String, String>>,
    pub(crate) scheduler_config: Option<serde_json::Value>,
}

impl Update {
    /// An update that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings that the spec asks for, so that a pipeline that differs from it ([`Submission::differences`]) can be brought in line.
    /// The query, name, tags and UDFs of a pipeline cannot be changed.
    ///
    /// [`Submission::differences`]: crate::Submission::differences
    pub fn of(spec: &PipelineSpec) -> Self {
        let environment = spec.environment();
        Self {
            parallelism: spec.parallelism(),
            checkpoint_interval: spec.checkpoint_interval(),
            environment: (!environment.is_empty()).then(|| environment.clone()),
            scheduler_config: spec.scheduler_config().cloned(),
        }
    }

    /// How many subtasks run in parallel. Changing it begins a new run.
    pub fn parallelism(mut self, parallelism: NonZeroU32) -> Self {
        self.parallelism = Some(parallelism);
        self
    }

    /// How often the server takes a checkpoint. Changing it alone begins no new run.
    pub fn checkpoint_interval(mut self, interval: CheckpointInterval) -> Self {
        self.checkpoint_interval = Some(interval);
        self
    }

    /// The whole environment of the workers: variables that are not in it are removed. Changing it begins a new run. Servers up to 0.15
    /// ignore it; that is reported as a difference.
    pub fn environment(
        mut self,
        environment: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        let variables = environment.into_iter();
        let variables = variables.map(|(key, value)| (key.into(), value.into()));
        self.environment = Some(variables.collect());
        self
    }

    /// The overlay on the server's scheduler configuration; an empty one removes it. Changing it begins a new run. Servers up to 0.15
    /// ignore it; that is reported as a difference.
    pub fn scheduler_config(mut self, config: serde_json::Map<String, serde_json::Value>) -> Self {
        self.scheduler_config = Some(config.into());
        self
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether any of the settings begins a new run when it changes (`docs/guarantees.md`, "No false success").
    pub(crate) fn begins_a_run(&self) -> bool {
        let Self {
            parallelism,
            checkpoint_interval: _,
            environment,
            scheduler_config,
        } = self;
        parallelism.is_some() || environment.is_some() || scheduler_config.is_some()
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Update")
            .field("parallelism", &self.parallelism)
            .field("checkpoint_interval", &self.checkpoint_interval)
            .field(
                "environment",
                &self
                    .environment
                    .as_ref()
                    .map(|set| set.keys().collect::<Vec<_>>()),
            )
            .finish_non_exhaustive()
    }
}

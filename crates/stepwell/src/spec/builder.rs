//! [`PipelineSpecBuilder`], which builds a spec.

use std::{fmt, num::NonZeroU32};

use stepwell_arroyo::Udf;

use super::{
    checkpoint_interval::CheckpointInterval,
    identity::{FindBy, Identity},
    intent::{Intent, WhenFinished, WhenUdfsDiffer},
    pipeline_spec::{Fields, PipelineSpec, SpecError},
};

impl PipelineSpec {
    /// Starts a spec with this query.
    pub fn builder(query: impl Into<String>) -> PipelineSpecBuilder {
        PipelineSpecBuilder {
            fields: Fields::new(query.into().into()),
        }
    }
}

impl PipelineSpec {
    /// A builder that begins with this spec, for one that differs from it.
    ///
    /// ```
    /// use stepwell::PipelineSpec;
    ///
    /// let spec = PipelineSpec::new("SELECT * FROM orders");
    /// let forced = spec.to_builder().force(true).build()?;
    /// assert_eq!(forced.query(), spec.query());
    /// # Ok::<(), stepwell::spec::SpecError>(())
    /// ```
    pub fn to_builder(&self) -> PipelineSpecBuilder {
        PipelineSpecBuilder {
            fields: self.fields.clone(),
        }
    }
}

/// Builds a [`PipelineSpec`].
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
    /// The pipeline's name; `query` by default. Names need not be unique on a server.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.fields.name = name.into().into();
        self
    }

    /// The query, in place of the one before.
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.fields.query = query.into().into();
        self
    }

    /// How many subtasks run in parallel. By default a new pipeline gets 1, and a resumed one keeps what it has.
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

    /// Adds a tag. Servers up to 0.15 ignore tags; that is reported as a difference.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.tags.insert(key.into(), value.into());
        self
    }

    /// Adds an environment variable for the workers. Servers up to 0.15 ignore these; that is reported as a difference.
    pub fn environment(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.environment.insert(key.into(), value.into());
        self
    }

    /// An overlay on the server's scheduler configuration: a JSON object. Servers up to 0.15 ignore it; that is reported as a difference.
    pub fn scheduler_config(mut self, config: serde_json::Value) -> Self {
        self.fields.scheduler_config = Some(config);
        self
    }

    /// Creates the pipeline even though the server holds other pipelines.
    pub fn force(mut self, force: bool) -> Self {
        self.fields.force = force;
        self
    }

    /// What the submission may do.
    pub fn intent(mut self, intent: Intent) -> Self {
        self.fields.intent = intent;
        self
    }

    /// What to do if the pipeline with the same query has finished.
    pub fn when_finished(mut self, when: WhenFinished) -> Self {
        self.fields.when_finished = when;
        self
    }

    /// What to do if the pipeline with the same query has different UDFs.
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

    /// Builds the spec.
    ///
    /// # Errors
    ///
    /// Fails if the name is empty, the scheduler configuration is not an object, or the pipeline is to be found by an id that the server
    /// assigns.
    pub fn build(self) -> Result<PipelineSpec, SpecError> {
        PipelineSpec::try_from(self.fields)
    }
}

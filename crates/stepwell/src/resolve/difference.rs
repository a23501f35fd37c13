//! How the pipeline on the server differs from the spec.

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use stepwell_arroyo::{Job, Made, Pipeline, PipelineGraph, PipelineId, Udf};

use super::PipelineSummary;
use crate::spec::{Identity, PipelineSpec};

/// A difference between the pipeline on the server and the spec that is not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The id is not the requested one: the pipeline existed before, or the server assigns ids (up to 0.15).
    Id {
        /// The requested id.
        wanted: PipelineId,
        /// The id on the server.
        found: PipelineId,
    },
    /// The name differs. Names are labels: the query decides.
    Name {
        /// The name on the server.
        found: String,
    },
    /// The parallelism is not the requested one.
    Parallelism {
        /// The requested parallelism.
        wanted: NonZeroU32,
        /// The parallelism on the server.
        found: u32,
    },
    /// The UDFs differ, and the spec allows that: the server runs the old code.
    Udfs,
    /// The checkpoint interval differs.
    CheckpointInterval {
        /// The requested interval in microseconds.
        wanted_micros: u64,
        /// The interval on the server in microseconds.
        found_micros: u64,
    },
    /// The tags differ, or the server ignores tags (up to 0.15).
    Tags,
    /// The environment differs, or the server ignores it (up to 0.15).
    Environment,
    /// The scheduler configuration differs, or the server ignores it (up to 0.15).
    SchedulerConfig,
    /// The pipeline was created beside one with the same query, except for line ends and outer white space, or with the same query under
    /// another id than the one that decides. Not told if the list was not read ([`FindBy::Id`](crate::spec::FindBy::Id)).
    NearMatch {
        /// The pipeline that existed before.
        existing: PipelineSummary,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { wanted, found } => write!(formatter, "its id is {found}, not {wanted}"),
            Self::Name { found } => write!(formatter, "its name is {found:?}"),
            Self::Parallelism { wanted, found } => {
                write!(formatter, "its parallelism is {found}, not {wanted}")
            }
            Self::Udfs => formatter.write_str("its UDFs differ; the server runs the old code"),
            Self::CheckpointInterval {
                wanted_micros,
                found_micros,
            } => write!(
                formatter,
                "its checkpoint interval is {found_micros} µs, not {wanted_micros} µs"
            ),
            Self::Tags => formatter.write_str("its tags differ, or the server ignores tags"),
            Self::Environment => {
                formatter.write_str("its environment differs, or the server ignores it")
            }
            Self::SchedulerConfig => {
                formatter.write_str("its scheduler configuration differs, or the server ignores it")
            }
            Self::NearMatch { existing } => write!(
                formatter,
                "its query is also that of pipeline {existing}, apart from line ends and outer white space"
            ),
        }
    }
}

/// What the server shows of a pipeline, as far as it can be compared with a spec.
pub(crate) struct Compared<'a> {
    id: &'a PipelineId,
    name: &'a str,
    udfs: &'a [Udf],
    checkpoint_interval_micros: u64,
    plan: Plan<'a>,
    /// `None` if the server has no tags; it then ignores the environment and the scheduler configuration too.
    tags: Option<&'a BTreeMap<String, String>>,
}

/// The parallelism is computed from the plan, and only when needed.
enum Plan<'a> {
    Whole(&'a PipelineGraph),
    Parallelism(Option<u32>),
}

impl<'a> From<&'a Pipeline> for Compared<'a> {
    fn from(pipeline: &'a Pipeline) -> Self {
        Self {
            id: &pipeline.id,
            name: &pipeline.name,
            udfs: &pipeline.udfs,
            checkpoint_interval_micros: pipeline.checkpoint_interval_micros,
            plan: Plan::Whole(&pipeline.graph),
            tags: Some(&pipeline.tags),
        }
    }
}

impl<'a> From<&'a Made> for Compared<'a> {
    fn from(made: &'a Made) -> Self {
        Self {
            id: &made.id,
            name: &made.name,
            udfs: &made.udfs,
            checkpoint_interval_micros: made.checkpoint_interval_micros,
            plan: Plan::Parallelism(made.parallelism),
            tags: made.tags.as_ref(),
        }
    }
}

impl Plan<'_> {
    fn parallelism(&self) -> Option<u32> {
        match self {
            Self::Whole(graph) => graph.parallelism(),
            Self::Parallelism(parallelism) => *parallelism,
        }
    }
}

/// All differences between the server's pipeline and the spec. Settings that the spec leaves open are not compared.
pub(crate) fn differences<'a>(
    spec: &PipelineSpec,
    pipeline: impl Into<Compared<'a>>,
    job: Option<&Job>,
) -> Vec<Difference> {
    let pipeline = pipeline.into();
    let mut found = Vec::new();
    if let Identity::Given(wanted) = spec.identity()
        && wanted != pipeline.id
    {
        found.push(Difference::Id {
            wanted: wanted.clone(),
            found: pipeline.id.clone(),
        });
    }
    if pipeline.name != spec.name() {
        found.push(Difference::Name {
            found: pipeline.name.to_owned(),
        });
    }
    if let (Some(wanted), Some(have)) = (spec.parallelism(), pipeline.plan.parallelism())
        && wanted.get() != have
    {
        found.push(Difference::Parallelism {
            wanted,
            found: have,
        });
    }
    if spec.udfs() != pipeline.udfs {
        found.push(Difference::Udfs);
    }
    if let Some(interval) = spec.checkpoint_interval()
        && interval.micros() != pipeline.checkpoint_interval_micros
    {
        found.push(Difference::CheckpointInterval {
            wanted_micros: interval.micros(),
            found_micros: pipeline.checkpoint_interval_micros,
        });
    }
    if !spec.tags().is_empty() && pipeline.tags != Some(spec.tags()) {
        found.push(Difference::Tags);
    }
    // The job echoes them unless the server ignores them.
    let is_ignored = pipeline.tags.is_none();
    let is_other = |differs: fn(&PipelineSpec, &Job) -> bool| {
        is_ignored || job.is_some_and(|job| differs(spec, job))
    };
    if !spec.environment().is_empty() && is_other(|spec, job| *spec.environment() != job.env_vars) {
        found.push(Difference::Environment);
    }
    if spec.scheduler_config().is_some()
        && is_other(|spec, job| spec.scheduler_config() != Some(&job.scheduler_config))
    {
        found.push(Difference::SchedulerConfig);
    }
    found
}

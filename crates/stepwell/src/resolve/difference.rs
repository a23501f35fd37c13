//! In what the pipeline on the server is not what the spec asks for.

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use stepwell_arroyo::{Job, Made, Pipeline, PipelineGraph, PipelineId, Udf};

use crate::spec::{Identity, PipelineSpec};

/// Something in which the pipeline on the server is not what the spec asks for, and which is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// It has another id than was asked for: it was there before, or the server chooses ids (up to 0.15).
    Id {
        /// What was asked for.
        wanted: PipelineId,
        /// The id on the server.
        found: PipelineId,
    },
    /// It has another name. Names are labels: the query decides.
    Name {
        /// The name on the server.
        found: String,
    },
    /// It runs with another parallelism than was asked for.
    Parallelism {
        /// What was asked for.
        wanted: NonZeroU32,
        /// What the server has.
        found: u32,
    },
    /// It has other UDFs, and the spec allows that: the server runs the old code.
    Udfs,
    /// It takes checkpoints at another interval.
    CheckpointInterval {
        /// What was asked for, in microseconds.
        wanted_micros: u64,
        /// What the server has, in microseconds.
        found_micros: u64,
    },
    /// It has other tags than were asked for, or the server ignores tags (up to 0.15).
    Tags,
    /// It has another environment than was asked for, or the server ignores it (up to 0.15).
    Environment,
    /// It has another scheduler configuration than was asked for, or the server ignores it (up to 0.15).
    SchedulerConfig,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { wanted, found } => write!(formatter, "its id is {found}, not {wanted}"),
            Self::Name { found } => write!(formatter, "its name is {found:?}"),
            Self::Parallelism { wanted, found } => {
                write!(formatter, "its parallelism is {found}, not {wanted}")
            }
            Self::Udfs => formatter.write_str("its UDFs are others; the server runs the old code"),
            Self::CheckpointInterval {
                wanted_micros,
                found_micros,
            } => write!(
                formatter,
                "its checkpoint interval is {found_micros} µs, not {wanted_micros} µs"
            ),
            Self::Tags => formatter.write_str("its tags are others, or the server ignores tags"),
            Self::Environment => {
                formatter.write_str("its environment is another, or the server ignores it")
            }
            Self::SchedulerConfig => formatter
                .write_str("its scheduler configuration is another, or the server ignores it"),
        }
    }
}

/// What the server shows of a pipeline, as far as it is compared with a spec.
pub(crate) struct Compared<'a> {
    id: &'a PipelineId,
    name: &'a str,
    udfs: &'a [Udf],
    checkpoint_interval_micros: u64,
    plan: Plan<'a>,
    /// `None`: the server has no tags, and ignores the environment and the scheduler's configuration too.
    tags: Option<&'a BTreeMap<String, String>>,
}

/// A plan has to be gone through for its parallelism.
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

/// Everything in which the server's pipeline differs from the spec. What the spec does not ask for is not compared.
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
    // The job echoes them, if the server does not ignore them.
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

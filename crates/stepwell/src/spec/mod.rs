//! What to submit: the query and its settings.

mod builder;
mod checkpoint_interval;
mod identity;
mod intent;
mod pipeline_spec;
mod shared;
#[cfg(test)]
mod tests;
mod update;

pub use builder::PipelineSpecBuilder;
pub use checkpoint_interval::{CheckpointInterval, CheckpointIntervalError};
pub use identity::{FindBy, Identity};
pub use intent::{Intent, WhenFinished, WhenUdfsDiffer};
pub use pipeline_spec::{PipelineSpec, SpecError};
pub use update::Update;

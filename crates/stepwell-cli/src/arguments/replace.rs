//! The arguments of `replace`.

use std::{num::NonZeroU32, time::Duration};

use clap::Args;
use stepwell::spec::CheckpointInterval;

use super::{Place, Query, Stopping, Target, run::checkpoint_interval};

#[allow(
    clippy::struct_excessive_bools,
    reason = "the fields are the options as clap sees them"
)]
#[derive(Debug, Args)]
pub(crate) struct ReplaceArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) query: Query,
    /// Name of the new pipeline [default: that of the old one]
    #[arg(short, long, help_heading = NEW)]
    pub(crate) name: Option<String>,
    /// Number of parallel subtasks [default: 1]
    #[arg(short, long, value_name = "NUMBER", help_heading = NEW)]
    pub(crate) parallelism: Option<NonZeroU32>,
    /// Time between two checkpoints, from 1s to 1d [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = checkpoint_interval, help_heading = NEW)]
    pub(crate) checkpoint_interval: Option<CheckpointInterval>,
    /// Create the pipeline even if the server has others
    #[arg(short, long, help_heading = NEW)]
    pub(crate) force: bool,
    /// Keep the old pipeline, stopped, instead of deleting it
    #[arg(long, help_heading = OLD)]
    pub(crate) keep_old: bool,
    /// Go on if the old pipeline has made no final checkpoint
    #[arg(long, help_heading = OLD)]
    pub(crate) without_checkpoint: bool,
    /// Show what would be done, and do nothing
    #[arg(long, help_heading = NEW)]
    pub(crate) dry_run: bool,
    /// How long to wait until the new pipeline is running
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "5m", help_heading = WAITING)]
    pub(crate) timeout: Duration,
    /// How long the new pipeline must stay running before the old one is deleted, at least 6s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "6s", help_heading = WAITING)]
    pub(crate) stable_for: Duration,
    #[command(flatten)]
    pub(crate) stopping: Stopping,
    #[command(flatten)]
    pub(crate) place: Place,
}

const NEW: &str = "New pipeline";

const OLD: &str = "Old pipeline";

const WAITING: &str = "Waiting and stopping";

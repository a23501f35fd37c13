//! The arguments of `stepwell run`.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};
use stepwell::{
    PipelineId, StopMode,
    spec::{CheckpointInterval, FindBy},
};

use super::{Connection, Query, Stopping};

#[allow(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "the fields are the options as clap sees them"
)]
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) query: Query,
    /// Name of the pipeline [default: the file's name without its extension, or "query"]
    #[arg(short, long, help_heading = PIPELINE)]
    pub(crate) name: Option<String>,
    /// Number of parallel subtasks [default: 1, or what a resumed pipeline has]
    #[arg(short, long, value_name = "NUMBER", help_heading = PIPELINE)]
    pub(crate) parallelism: Option<NonZeroU32>,
    /// Time between two checkpoints, from 1s to 1d [default: 10s, or what a resumed pipeline has]
    #[arg(long, value_name = "DURATION", value_parser = checkpoint_interval, help_heading = PIPELINE)]
    pub(crate) checkpoint_interval: Option<CheckpointInterval>,
    /// Directory for the state of the embedded engine [default: a new temporary directory]
    #[arg(short, long, value_name = "DIRECTORY", help_heading = PIPELINE)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Id of the pipeline: of one to resume if several have the same query, or of a new one
    #[arg(long, help_heading = PIPELINE)]
    pub(crate) id: Option<PipelineId>,
    /// How to look for an existing pipeline
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Find::Query, help_heading = PIPELINE)]
    pub(crate) find_by: Find,
    /// Create a pipeline even if the server has others
    #[arg(short, long, help_heading = PIPELINE)]
    pub(crate) force: bool,
    /// Create a pipeline, and fail if one has the same query
    #[arg(long, conflicts_with_all = ["resume_only", "new_run"], help_heading = PIPELINE)]
    pub(crate) create_only: bool,
    /// Resume a pipeline, and fail if there is none
    #[arg(long, conflicts_with = "new_run", help_heading = PIPELINE)]
    pub(crate) resume_only: bool,
    /// Start from the beginning if the pipeline has finished
    #[arg(long, help_heading = PIPELINE)]
    pub(crate) new_run: bool,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with_all = ["no_wait", "detach"], help_heading = PIPELINE)]
    pub(crate) dry_run: bool,
    /// How long to wait until the pipeline is running, such as 30s or 5m; a create that was sent is awaited longer, because it must not be
    /// cut off
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        help_heading = WAITING
    )]
    pub(crate) timeout: Option<Duration>,
    /// How long the pipeline must stay running before it counts as running
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        help_heading = WAITING
    )]
    pub(crate) stable_for: Option<Duration>,
    /// Exit once the query is submitted, without waiting for it to run; needs a server
    #[arg(long, conflicts_with_all = ["detach", "stable_for"], help_heading = WAITING)]
    pub(crate) no_wait: bool,
    /// Exit once the pipeline is running, and leave it running; needs a server
    #[arg(long, help_heading = WAITING)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) stopping: Stopping,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

const PIPELINE: &str = "Pipeline";
const WAITING: &str = "Waiting and stopping";

impl RunArguments {
    /// The pipeline's name: the one given, or else the name of the file.
    pub(crate) fn name(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| name_of(&self.query.file))
    }
}

/// The name of a file without its extension; "query" for standard input.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().filter(|_| file != Path::new("-"));
    stem.map_or_else(
        || "query".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Take a final checkpoint, then stop
    Checkpoint,
    /// Process what is in flight, then stop without a checkpoint
    Graceful,
    /// Stop without a checkpoint
    Immediate,
    /// Mark it as stopped at once, whatever it is doing
    Force,
}

impl From<Mode> for StopMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Checkpoint => Self::Checkpoint,
            Mode::Graceful => Self::Graceful,
            Mode::Immediate => Self::Immediate,
            Mode::Force => Self::Force,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Find {
    /// By its query, among all pipelines of the server
    Query,
    /// By its id, given or derived from name and query, in one request; another id with the same query is not found
    Id,
}

impl From<Find> for FindBy {
    fn from(find: Find) -> Self {
        match find {
            Find::Query => Self::Query,
            Find::Id => Self::Id,
        }
    }
}

pub(super) fn checkpoint_interval(text: &str) -> Result<CheckpointInterval, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    CheckpointInterval::new(interval).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_called_as_its_file_is() {
        for (file, name) in [
            ("orders.sql", "orders"),
            ("queries/orders.v2.sql", "orders.v2"),
            ("orders", "orders"),
            (".sql", ".sql"),
            ("-", "query"),
            ("/", "query"),
            ("..", "query"),
        ] {
            assert_eq!(name_of(Path::new(file)), name, "{file}");
        }
    }
}

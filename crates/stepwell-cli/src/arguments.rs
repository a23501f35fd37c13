//! The command line.

// What is a doc comment here is a help text on a terminal.
#![allow(clippy::doc_markdown)]

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{OsStringValueParser, TypedValueParser},
};
use stepwell::{CheckpointInterval, FindBy, PipelineId, StopMode};

/// Run streaming SQL as a pipeline, here or on an Arroyo cluster.
#[derive(Debug, Parser)]
#[command(
    name = "stepwell",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = "Examples:
  stepwell run examples/hello.sql                        run here, on the embedded engine
  stepwell run -s state examples/hello.sql               keep the state in ./state, and go on from it
  stepwell run --server http://host:5115 examples/hello.sql
  stepwell validate examples/hello.sql

Exit codes: 0 finished or stopped on request, 1 unexpected, 2 usage, 3 invalid query, 4 cannot connect,
5 refused, 6 the job failed, 7 deadline passed, 8 outcome unknown, 130 left at once")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// What is shown on standard error: text for people, or one JSON object a line
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// Show more: once for steps, twice for requests
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show rows and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit a query as a pipeline, wait until it runs, and stay with it until it ends
    ///
    /// The pipeline with the same query is resumed; if there is none, one is created. Rows of a bare SELECT go to standard output,
    /// everything else to standard error. The first Ctrl-C stops the pipeline with a final checkpoint, the second leaves at once.
    Run(Box<Run>),
    /// Check a query and show its plan, without running it
    Validate(Validate),
    /// List the pipelines of a server
    List(List),
    /// Show one pipeline of a server: its job, errors and checkpoints
    Status(Status),
    /// Stop a pipeline of a server with a final checkpoint
    Stop(Stop),
}

// Flags are flags; a state machine of them would be no help to clap.
#[allow(clippy::struct_excessive_bools, clippy::struct_field_names)]
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) query: Query,
    /// The pipeline's name
    #[arg(short, long, default_value = "query")]
    pub(crate) name: String,
    /// How many subtasks run in parallel; without it a new pipeline gets 1, and one that is resumed keeps what it has
    #[arg(short, long)]
    pub(crate) parallelism: Option<NonZeroU32>,
    /// How often a checkpoint is taken, from 1s to 1d; without it a new pipeline gets 10s. One that is resumed keeps what it has
    #[arg(long, value_name = "DURATION", value_parser = checkpoint_interval)]
    pub(crate) checkpoint_interval: Option<CheckpointInterval>,
    /// Create a pipeline although the server holds others
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Where the embedded engine keeps its state; a new directory without it
    #[arg(short, long, value_name = "DIRECTORY", conflicts_with = "server")]
    pub(crate) state_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// A file with a user-defined function, .rs or .py; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) udf: Vec<PathBuf>,
    /// The id of the pipeline: to choose between several with the same query, or for a new one
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<PipelineId>,
    /// How the pipeline is looked for: among all that the server holds, or by one request for its id, however many there are
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Find::Query)]
    pub(crate) find_by: Find,
    /// Create a pipeline; one with the same query is an error
    #[arg(long, conflicts_with_all = ["resume_only", "new_run"])]
    pub(crate) create_only: bool,
    /// Resume a pipeline; that there is none is an error
    #[arg(long, conflicts_with = "new_run")]
    pub(crate) resume_only: bool,
    /// Start from the beginning when the pipeline with the same query has finished
    #[arg(long)]
    pub(crate) new_run: bool,
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with_all = ["no_wait", "detach"])]
    pub(crate) dry_run: bool,
    /// How long to wait until the pipeline runs, such as 30s or 5m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// Call it running only when it has stayed so for this long
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) stable_for: Option<Duration>,
    /// How long a stop may take
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "2m")]
    pub(crate) stop_timeout: Duration,
    /// How to stop
    #[arg(long, value_enum, default_value_t = Mode::Checkpoint)]
    pub(crate) stop_mode: Mode,
    /// Submit and leave at once, without waiting until it runs; needs --server
    #[arg(long, conflicts_with_all = ["detach", "stable_for"], requires = "server")]
    pub(crate) no_wait: bool,
    /// Leave it running once it runs; needs --server
    #[arg(long, requires = "server")]
    pub(crate) detach: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) query: Query,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// A file with a user-defined function, .rs or .py; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) udf: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The pipeline's id
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[allow(clippy::struct_field_names)]
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// The pipeline's id
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// How long it may take
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "2m")]
    pub(crate) stop_timeout: Duration,
    /// How to stop
    #[arg(long, value_enum, default_value_t = Mode::Checkpoint)]
    pub(crate) stop_mode: Mode,
}

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The file with the query; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
}

/// The token is never an argument: arguments are there for everybody on the machine to see.
#[derive(Debug, Args)]
#[command(after_help = "The token of the API is taken from STEPWELL_TOKEN or --token-file.")]
pub(crate) struct Connection {
    /// The Arroyo API, such as http://host:5115
    #[arg(
        long,
        value_name = "URL",
        env = "STEPWELL_SERVER",
        hide_env_values = true
    )]
    pub(crate) server: Option<String>,
    /// A file with the API's token; or set STEPWELL_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with certificates to trust besides the system's, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "STEPWELL_CA_FILE",
        hide_env_values = true,
        value_parser = path()
    )]
    pub(crate) ca_file: Option<PathBuf>,
    /// A file with the certificate to show to a server that asks for one, in PEM, and those up to its CA
    #[arg(
        long,
        value_name = "FILE",
        env = "STEPWELL_CLIENT_CERTIFICATE",
        hide_env_values = true,
        value_parser = path()
    )]
    pub(crate) client_certificate: Option<PathBuf>,
    /// A file with the key of that certificate, in PEM and unencrypted
    #[arg(
        long,
        value_name = "FILE",
        env = "STEPWELL_CLIENT_KEY",
        hide_env_values = true,
        value_parser = path()
    )]
    pub(crate) client_key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// With a final checkpoint
    Checkpoint,
    /// Let what is in flight pass, without a checkpoint
    Graceful,
    /// Without a checkpoint
    Immediate,
    /// Call it stopped at once
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
    /// The same query, whatever its id is
    Query,
    /// The id that is given, or follows from name and query; the same query under another id is not looked for
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

/// A path that may be empty, as a variable is that is set to nothing; then it counts as not given.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn checkpoint_interval(text: &str) -> Result<CheckpointInterval, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    CheckpointInterval::new(interval).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for line in [
            "run --create-only --resume-only q.sql",
            "run --detach q.sql",
            "run --no-wait q.sql",
            "run -s state --server http://h q.sql",
            "run -p 0 q.sql",
            "run --timeout 3 q.sql",
            "run --checkpoint-interval 10ms q.sql",
            "run --id a/b q.sql",
            "run --find-by name q.sql",
            "run -q -v q.sql",
            "run --token secret q.sql",
            "status",
        ] {
            assert!(
                Arguments::try_parse_from(["stepwell"].into_iter().chain(line.split(' '))).is_err(),
                "{line}"
            );
        }
    }
}

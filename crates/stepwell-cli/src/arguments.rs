//! The command line.

#![allow(
    clippy::doc_markdown,
    reason = "a doc comment here is a help text on a terminal"
)]

mod change;
mod connection;
mod help;
mod list;
mod parse;
mod place;
mod replace;
mod run;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use clap_complete::Shell;

pub(crate) use self::{
    change::{
        Awaited, DeleteArguments, LogsArguments, RestartArguments, Settings, StartArguments,
        UntilRunning, UpdateArguments, WaitArguments,
    },
    connection::Connection,
    list::{ListArguments, Selection, Sort},
    place::Place,
    replace::ReplaceArguments,
    run::{Mode, RunArguments},
};
use crate::color;

/// Run streaming SQL here, or deploy it to an Arroyo cluster
#[derive(Debug, Parser)]
#[command(
    name = "stepwell",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = help::STEPWELL)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Global {
    /// Format of the messages on standard error: text for people, or one JSON object per line
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: color::When,
    /// Show more: -v adds the library's log lines about steps and retries, -vv adds every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show only rows and errors
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
    /// Run a query as a pipeline and stay attached until it ends
    ///
    /// A pipeline with the same query is resumed; if there is none, a new one is created. Rows of a bare SELECT go to standard output,
    /// everything else to standard error. Ctrl-C stops the pipeline with a final checkpoint; press Ctrl-C again to quit immediately.
    #[command(after_help = help::RUN)]
    Run(Box<RunArguments>),
    /// Check a query and show its plan without running it
    #[command(after_help = help::VALIDATE)]
    Validate(ValidateArguments),
    /// List the pipelines of a server
    #[command(after_help = help::LIST)]
    List(ListArguments),
    /// Show the state, errors and checkpoints of one pipeline
    #[command(after_help = help::STATUS)]
    Status(StatusArguments),
    /// Stop a pipeline, by default with a final checkpoint
    #[command(after_help = help::STOP)]
    Stop(StopArguments),
    /// Start a pipeline that is stopped or has failed, and wait until it runs
    ///
    /// It goes on from its last checkpoint. A pipeline that runs already is left as it is.
    #[command(after_help = help::START)]
    Start(StartArguments),
    /// Stop a pipeline with a final checkpoint, and start it again
    ///
    /// A pipeline that is stopped or has failed is started.
    #[command(after_help = help::RESTART)]
    Restart(RestartArguments),
    /// Change settings of a running pipeline, and wait until it runs with them
    ///
    /// Only what differs is sent. A new checkpoint interval takes effect at once; everything else restarts the job from a checkpoint.
    #[command(after_help = help::UPDATE)]
    Update(UpdateArguments),
    /// Put a changed query in the place of a pipeline
    ///
    /// The old pipeline is stopped with a final checkpoint, the new one is started from nothing, and once it has stayed running, the old one
    /// is deleted. If the new one does not come up, it is deleted, and the old one is started again. After a failure, or if this command was
    /// killed, the same command with the id of the old pipeline goes on.
    #[command(after_help = help::REPLACE)]
    Replace(Box<ReplaceArguments>),
    /// Delete pipelines that have ended, with their checkpoints
    #[command(after_help = help::DELETE)]
    Delete(DeleteArguments),
    /// Wait until a pipeline is running, stopped or finished
    #[command(after_help = help::WAIT)]
    Wait(WaitArguments),
    /// Show the errors that the job of a pipeline has logged, newest first
    #[command(after_help = help::LOGS)]
    Logs(LogsArguments),
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArguments),
}

impl Command {
    /// The server that the command may be given, and its state directory.
    pub(crate) fn place(&self) -> Option<(&Connection, Option<&PathBuf>)> {
        let place = match self {
            Self::Run(run) => return Some((&run.connection, run.state_dir.as_ref())),
            Self::Validate(validate) => return Some((&validate.connection, None)),
            Self::Completions(_) => return None,
            Self::List(list) => &list.place,
            Self::Status(status) => &status.place,
            Self::Stop(stop) => &stop.place,
            Self::Start(start) => &start.place,
            Self::Restart(restart) => &restart.place,
            Self::Update(update) => &update.place,
            Self::Replace(replace) => &replace.place,
            Self::Delete(delete) => &delete.place,
            Self::Wait(wait) => &wait.place,
            Self::Logs(logs) => &logs.place,
        };
        Some((&place.connection, place.state_dir.as_ref()))
    }

    fn connection_mut(&mut self) -> Option<&mut Connection> {
        Some(match self {
            Self::Run(run) => &mut run.connection,
            Self::Validate(validate) => &mut validate.connection,
            Self::Completions(_) => return None,
            Self::List(list) => &mut list.place.connection,
            Self::Status(status) => &mut status.place.connection,
            Self::Stop(stop) => &mut stop.place.connection,
            Self::Start(start) => &mut start.place.connection,
            Self::Restart(restart) => &mut restart.place.connection,
            Self::Update(update) => &mut update.place.connection,
            Self::Replace(replace) => &mut replace.place.connection,
            Self::Delete(delete) => &mut delete.place.connection,
            Self::Wait(wait) => &mut wait.place.connection,
            Self::Logs(logs) => &mut logs.place.connection,
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    #[command(flatten)]
    pub(crate) query: Query,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct StopArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) stopping: Stopping,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Query")]
pub(crate) struct Query {
    /// File with the query; - is standard input
    #[arg(value_name = "FILE", default_value = "-", help_heading = None)]
    pub(crate) file: PathBuf,
    /// File with a user-defined function, .rs or .py; can be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) udf: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Id of the pipeline, or the beginning of its id (at least 4 characters) or its name, if only one pipeline matches
    #[arg(value_name = "PIPELINE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) pipeline: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Waiting and stopping")]
pub(crate) struct Stopping {
    /// How long a stop may take
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "2m")]
    pub(crate) stop_timeout: Duration,
    /// How to stop
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Mode::Checkpoint)]
    pub(crate) stop_mode: Mode,
}

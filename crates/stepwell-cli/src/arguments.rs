//! The command line.

#![allow(
    clippy::doc_markdown,
    reason = "a doc comment here is a help text on a terminal"
)]

mod connection;
mod help;
mod list;
mod parse;
mod run;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use clap_complete::Shell;

pub(crate) use self::{
    connection::Connection,
    list::{ListArguments, Selection, Sort},
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
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArguments),
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
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct StopArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) stopping: Stopping,
    #[command(flatten)]
    pub(crate) connection: Connection,
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

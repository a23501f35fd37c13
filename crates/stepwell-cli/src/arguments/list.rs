//! The arguments of `stepwell list`.

use clap::{Args, ValueEnum};

use super::place::Place;

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Show the list again whenever it has changed, until Ctrl-C
    #[arg(short, long, help_heading = "Pipelines")]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Pipelines")]
pub(crate) struct Selection {
    /// Only pipelines in these states, such as running,failed; "none" means without a job; can be repeated
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub(crate) state: Vec<String>,
    /// Only pipelines whose name contains this text, or matches it as a pattern with * and ?; case is ignored
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Order of the list
    #[arg(long, value_enum, value_name = "ORDER", default_value_t)]
    pub(crate) sort: Sort,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// Newest first
    #[default]
    Age,
    /// By name
    Name,
    /// By state, and newest first within each
    State,
}

//! Where the pipelines of a command are.

use std::path::PathBuf;

use clap::Args;

use super::connection::Connection;

#[derive(Debug, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// State directory of the embedded engine, instead of a server: the process that uses it is asked, or else what is in it is read
    #[arg(short, long, value_name = "DIRECTORY", help_heading = "Server")]
    pub(crate) state_dir: Option<PathBuf>,
}

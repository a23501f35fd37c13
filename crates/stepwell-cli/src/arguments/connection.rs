//! The options for the server and its credentials.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser},
};

// The token is never an argument, because every user of the machine can read the arguments of a process.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Connection {
    /// Address of the Arroyo API, such as http://host:5115
    #[arg(
        long,
        value_name = "URL",
        env = "STEPWELL_SERVER",
        hide_env_values = true
    )]
    pub(crate) server: Option<String>,
    /// File with the API token, which STEPWELL_TOKEN can hold instead
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// PEM file with certificates to trust besides the system's
    #[arg(
        long,
        value_name = "FILE",
        env = "STEPWELL_CA_FILE",
        hide_env_values = true,
        value_parser = path()
    )]
    pub(crate) ca_file: Option<PathBuf>,
    /// PEM file with the client certificate, for a server that asks for one, and with its intermediate certificates
    #[arg(
        long,
        value_name = "FILE",
        env = "STEPWELL_CLIENT_CERTIFICATE",
        hide_env_values = true,
        value_parser = path()
    )]
    pub(crate) client_certificate: Option<PathBuf>,
    /// PEM file with the unencrypted key of the client certificate
    #[arg(
        long,
        value_name = "FILE",
        env = "STEPWELL_CLIENT_KEY",
        hide_env_values = true,
        value_parser = path()
    )]
    pub(crate) client_key: Option<PathBuf>,
}

/// Parses a path that may be empty: an empty environment variable counts as unset.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

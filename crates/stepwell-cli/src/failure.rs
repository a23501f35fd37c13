//! Whatever ends a command other than well: a text with its causes, the next thing to try, and the exit code.

use std::{error::Error as StdError, path::PathBuf};

use snafu::Snafu;
use stepwell::{
    EndpointError, Error, HyperTransportError, ResolveError, ShutdownError, SpecError,
    ValidateError, WaitError,
    arroyo::{ClientError, SqlDiagnostic},
    transport::{TokenError, TransportErrorKind},
};

use crate::{
    exit::{Exit, is_no_arroyo},
    interrupt::Interruption,
    target::Ambiguous,
};

/// A query with where it came from, for diagnostics.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) name: String,
    pub(crate) text: String,
}

#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
pub(crate) enum Failure {
    #[snafu(display("could not read the query from {}", path.display()))]
    ReadQuery {
        path: PathBuf,
        source: std::io::Error,
    },
    #[snafu(display("the query in {origin} is not UTF-8"))]
    NotText { origin: String },
    #[snafu(display("the query in {origin} has {bytes} bytes; a server takes at most 2 MB"))]
    TooLong { origin: String, bytes: u64 },
    #[snafu(display("could not read the user-defined function in {}", path.display()))]
    ReadUdf {
        path: PathBuf,
        source: std::io::Error,
    },
    #[snafu(display("{} is neither .rs nor .py: the language of the function is not known", path.display()))]
    UdfLanguage { path: PathBuf },
    #[snafu(display("the pipeline cannot be described"))]
    Spec { source: SpecError },
    #[snafu(display("no token can be had"))]
    Token { source: TokenError },
    #[snafu(display("--server cannot be used"))]
    Server { source: EndpointError },
    #[snafu(display("no connection can be set up"))]
    Transport { source: HyperTransportError },
    #[snafu(display("there is no server to ask"))]
    NoServer,
    #[snafu(display("{message}"))]
    Usage { message: String },
    #[cfg(feature = "embedded")]
    #[snafu(display("the embedded engine could not be started"))]
    Engine {
        source: stepwell_embedded::EngineError,
    },
    #[snafu(display("could not make a directory for the state in {}", path.display()))]
    StateDirectory {
        path: PathBuf,
        source: std::io::Error,
    },
    #[snafu(display("the query in {} is not valid", origin.name))]
    Invalid {
        origin: Origin,
        diagnostics: Vec<SqlDiagnostic>,
    },
    #[snafu(transparent)]
    Step { source: Error },
    #[snafu(transparent)]
    Call { source: ClientError },
    #[snafu(transparent)]
    Shutdown { source: ShutdownError },
    #[snafu(transparent)]
    Ambiguous { source: Ambiguous },
    #[snafu(display("pipeline {id} was stopped by somebody else"))]
    StoppedElsewhere { id: String },
    #[snafu(display("the rows could not be written to standard output"))]
    Rows { source: std::io::Error },
    #[snafu(display("standard output could not be written"))]
    StandardOutput { source: std::io::Error },
    #[snafu(display("signals cannot be handled"))]
    Signals { source: std::io::Error },
    #[snafu(display("interrupted by {signal}{}", left.as_ref().map(|left| format!("; {left}")).unwrap_or_default()))]
    Interrupted {
        signal: Interruption,
        /// What it may have left behind.
        left: Option<String>,
    },
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::ReadQuery { .. }
            | Self::NotText { .. }
            | Self::ReadUdf { .. }
            | Self::UdfLanguage { .. }
            | Self::Spec { .. }
            | Self::Server { .. }
            | Self::NoServer
            | Self::Usage { .. } => Exit::Usage,
            Self::TooLong { .. } | Self::Invalid { .. } => Exit::InvalidQuery,
            Self::Token { source } => match source {
                TokenError::Unreadable { .. } => Exit::Usage,
                _ => Exit::CannotConnect,
            },
            Self::Transport { source } => match source {
                HyperTransportError::CaFile { .. }
                | HyperTransportError::NoCertificate { .. }
                | HyperTransportError::ClientCertificateFile { .. }
                | HyperTransportError::NoClientCertificate { .. }
                | HyperTransportError::ClientKeyFile { .. }
                | HyperTransportError::NoClientKey { .. }
                | HyperTransportError::EncryptedClientKey { .. }
                | HyperTransportError::ClientKeyMismatch { .. } => Exit::Usage,
                _ => Exit::CannotConnect,
            },
            #[cfg(feature = "embedded")]
            Self::Engine { .. } => Exit::Unexpected,
            Self::StateDirectory { .. }
            | Self::StoppedElsewhere { .. }
            | Self::Rows { .. }
            | Self::StandardOutput { .. }
            | Self::Signals { .. } => Exit::Unexpected,
            Self::Ambiguous { .. } => Exit::Refused,
            Self::Interrupted { signal, .. } => Exit::Interrupted(*signal),
            Self::Step { source } => Exit::of(source),
            Self::Call { source } => Exit::of_client(source, Exit::Unexpected),
            Self::Shutdown { .. } => Exit::Unknown,
        }
    }

    /// The next thing to type.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ReadQuery { .. } => "check the path; `-` reads the query from standard input",
            Self::NotText { .. } => "save it as UTF-8",
            Self::TooLong { .. } => "split it, or keep constants out of it",
            Self::UdfLanguage { .. } => "rename it",
            Self::NoServer => "stepwell … --server http://host:5115, or set STEPWELL_SERVER",
            Self::Token { .. } => "set STEPWELL_TOKEN, or give --token-file FILE",
            #[cfg(feature = "embedded")]
            Self::Engine { .. } => {
                "choose another directory with --state-dir, or mend what is named above"
            }
            Self::Invalid { .. } => {
                "correct the query; `stepwell validate FILE` checks it without running it"
            }
            Self::StoppedElsewhere { .. } => "run the same command again to resume it",
            Self::Call { source } if source.is_not_found() => {
                "stepwell list --server URL shows the ids that there are"
            }
            Self::Call { source } if is_no_arroyo(source) => NOT_ARROYO,
            Self::Call { source } if source.transport_error_kind().is_some() => {
                unreachable_hint(source)
            }
            Self::Call { source }
                if source
                    .status()
                    .is_some_and(|status| status == 401 || status == 403) =>
            {
                "set STEPWELL_TOKEN, or give --token-file FILE"
            }
            Self::Step { source } => return step_hint(source),
            Self::Ambiguous { .. } => "give one of these ids",
            Self::Shutdown { .. } => {
                "stepwell list --server URL shows what is there; stepwell stop ID stops it"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// The causes of the message, from the outside in, each once.
    pub(crate) fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut source = self.source();
        while let Some(error) = source {
            let text = error.to_string();
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            source = error.source();
        }
        causes
    }
}

const NOT_ARROYO: &str =
    "that is not an Arroyo API; give the address of one, such as --server http://host:5115";

fn unreachable_hint(error: &ClientError) -> &'static str {
    if error.transport_error_kind() == Some(TransportErrorKind::Tls) {
        "if the server's certificate is a private one give --ca-file FILE; if it asks for yours, --client-certificate FILE and --client-key FILE"
    } else {
        "start the server, or check --server"
    }
}

fn step_hint(error: &Error) -> Option<String> {
    let hint = match error {
        Error::Connect { source } => match source {
            stepwell::ConnectError::Credentials { .. } => {
                "set STEPWELL_TOKEN, or give --token-file FILE"
            }
            stepwell::ConnectError::NotArroyo { .. } => NOT_ARROYO,
            stepwell::ConnectError::Unreachable { source, .. } => unreachable_hint(source),
            _ => "start the server, or check --server",
        },
        Error::Validate {
            source: ValidateError::Invalid { .. },
        } => "correct the query",
        Error::Resolve { source } => match source {
            ResolveError::OtherPipelines { .. } => {
                "add --force to create one more, or choose another --state-dir or --server"
            }
            ResolveError::NoneWithId { .. } => {
                "add --force to create one more, or leave out --find-by id to look for the same query"
            }
            ResolveError::Ambiguous { .. } => "add --id ID with one of these ids",
            ResolveError::NothingToResume { .. } => {
                "leave out --resume-only to create it, or --find-by id, if it is there, to look for the same query"
            }
            ResolveError::AlreadyExists { .. } => "leave out --create-only to resume it",
            ResolveError::Finished { .. } => "add --new-run to start it from the beginning",
            ResolveError::Conflict { .. } => "choose another --id",
            ResolveError::OutcomeUnknown { .. } | ResolveError::StillUnknown { .. } => {
                "run the same command again: it finds the pipeline if it is there"
            }
            _ => return None,
        },
        Error::Wait { source } => match source {
            WaitError::Deadline { .. } => {
                "wait longer with --timeout, or look with stepwell status ID"
            }
            WaitError::Failed { .. } => {
                "mend the cause and run the same command again: it restarts the pipeline"
            }
            WaitError::Stopped { .. } => "run the same command again to resume it",
            _ => return None,
        },
        _ => return None,
    };
    Some(hint.to_owned())
}

//! Exit codes: the one table of what ends how. `docs/exit-codes.md` is its text.

use std::process::ExitCode;

use stepwell::{
    Error,
    arroyo::{ClientError, ClientErrorKind},
    error::{AttachError, ConnectError, ResolveError, ValidateError, WaitError},
};

use crate::interrupt::Interruption;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Finished, or stopped cleanly on request.
    Success,
    Unexpected,
    /// Usage, or a file that cannot be read.
    Usage,
    InvalidQuery,
    /// No connection, credentials, TLS.
    CannotConnect,
    /// Other pipelines, ambiguous, intent, finished, conflict.
    Refused,
    JobFailed,
    DeadlinePassed,
    /// Outcome unknown, or left unsettled on stop.
    Unknown,
    /// A signal came before what was asked for was so; the code is that of a process which the signal has ended.
    Interrupted(Interruption),
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::InvalidQuery => 3,
            Self::CannotConnect => 4,
            Self::Refused => 5,
            Self::JobFailed => 6,
            Self::DeadlinePassed => 7,
            Self::Unknown => 8,
            Self::Interrupted(signal) => signal.exit_code(),
        }
    }

    /// How a failed step ends the process.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Connect {
                source:
                    ConnectError::NotUp { .. }
                    | ConnectError::Credentials { .. }
                    | ConnectError::NotArroyo { .. }
                    | ConnectError::Unreachable { .. },
            } => Self::CannotConnect,
            Error::Validate { source } => match source {
                ValidateError::Invalid { .. } => Self::InvalidQuery,
                ValidateError::Rejected { source, .. } => {
                    Self::of_client(source, Self::InvalidQuery)
                }
                ValidateError::Unanswered { .. } => Self::DeadlinePassed,
                _ => Self::Unexpected,
            },
            Error::Resolve { source } => match source {
                ResolveError::OtherPipelines { .. }
                | ResolveError::NoneWithId { .. }
                | ResolveError::Ambiguous { .. }
                | ResolveError::NothingToResume { .. }
                | ResolveError::AlreadyExists { .. }
                | ResolveError::Conflict { .. }
                | ResolveError::Finished { .. }
                | ResolveError::UdfsDiffer { .. }
                | ResolveError::Burnt { .. } => Self::Refused,
                ResolveError::OutcomeUnknown { .. } | ResolveError::StillUnknown { .. } => {
                    Self::Unknown
                }
                rejected @ ResolveError::Rejected { .. } if rejected.is_invalid_query() => {
                    Self::InvalidQuery
                }
                ResolveError::Rejected { source, .. } => Self::of_client(source, Self::Unexpected),
                ResolveError::Unanswered { .. } | ResolveError::NotSettled { .. } => {
                    Self::DeadlinePassed
                }
                _ => Self::Unexpected,
            },
            Error::Wait { source } => match source {
                WaitError::Failed { .. } => Self::JobFailed,
                WaitError::Finished { .. } => Self::Success,
                WaitError::Deadline { .. } | WaitError::Silence { .. } => Self::DeadlinePassed,
                WaitError::Rejected { source, .. } => Self::of_client(source, Self::Unexpected),
                _ => Self::Unexpected,
            },
            Error::Stop { .. } => Self::Unknown,
            Error::Attach {
                source: AttachError::Unreadable { source, .. },
            }
            | Error::Look { source } => Self::of_client(source, Self::Unexpected),
            _ => Self::Unexpected,
        }
    }

    /// How a failed call ends the process: a refusal of credentials, a missing connection and a server that is no Arroyo are told from
    /// `otherwise`.
    pub(crate) fn of_client(error: &ClientError, otherwise: Self) -> Self {
        if is_no_arroyo(error) {
            return Self::CannotConnect;
        }
        match error.status().map(|status| status.as_u16()) {
            Some(401 | 403) => Self::CannotConnect,
            None if error.transport_error_kind().is_some() => Self::CannotConnect,
            _ => otherwise,
        }
    }
}

/// Whether what answered is no Arroyo API, or is one at another path.
pub(crate) fn is_no_arroyo(error: &ClientError) -> bool {
    match error.kind() {
        ClientErrorKind::NotArroyo { .. } => true,
        // That of an Arroyo says what is not there; this one is of a proxy, a web site, or a path that is none of the API's.
        ClientErrorKind::Rejected { status, .. } => status.as_u16() == 404 && !error.is_not_found(),
        _ => false,
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

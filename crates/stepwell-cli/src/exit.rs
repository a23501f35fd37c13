//! The exit codes, which `docs/exit-codes.md` documents.

use std::process::ExitCode;

use stepwell::{
    Error,
    arroyo::{ClientError, ClientErrorKind},
    error::{
        AttachError, ChangeError, ConnectError, MeantToRun, ReplacementError, ResolveError,
        ValidateError, WaitError,
    },
};

use crate::interruption::Interruption;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The pipeline finished, or was stopped cleanly on request.
    Success,
    Unexpected,
    /// Wrong usage, or a file that cannot be read.
    Usage,
    InvalidQuery,
    /// No connection, wrong credentials, or a problem with TLS.
    CannotConnect,
    /// There are other pipelines, several match, the intent cannot be met, the pipeline has finished, or ids conflict.
    Refused,
    JobFailed,
    DeadlinePassed,
    /// The outcome of a create or of a stop is not known.
    Unknown,
    /// A signal ended the command before it had done what was asked for. The code is that of a process ended by the signal.
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

    /// The exit of a failed step.
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
                ResolveError::Unanswered { source, .. } if is_not_arroyo(source) => {
                    Self::CannotConnect
                }
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
            Error::Change { source } => match source {
                ChangeError::Finished { .. }
                | ChangeError::NotRunning { .. }
                | ChangeError::StillRunning { .. } => Self::Refused,
                ChangeError::OutcomeUnknown { .. } => Self::Unknown,
                ChangeError::Unanswered { source, .. } if is_not_arroyo(source) => {
                    Self::CannotConnect
                }
                ChangeError::Unanswered { .. } | ChangeError::NotSettled { .. } => {
                    Self::DeadlinePassed
                }
                ChangeError::Rejected { source, .. } => Self::of_client(source, Self::Unexpected),
                _ => Self::Unexpected,
            },
            Error::Replacement { source } => Self::of_replacement(source),
            Error::Stop { .. } => Self::Unknown,
            Error::Attach {
                source: AttachError::Unreadable { source, .. },
            }
            | Error::Look { source } => Self::of_client(source, Self::Unexpected),
            _ => Self::Unexpected,
        }
    }

    /// The exit of a replacement that failed: that of the step that has failed, unless it is unknown which of the two pipelines runs.
    fn of_replacement(error: &ReplacementError) -> Self {
        match error {
            ReplacementError::SamePipeline { .. } | ReplacementError::NoFinalCheckpoint { .. } => {
                Self::Refused
            }
            ReplacementError::NewInDoubt { .. } | ReplacementError::NotRolledBack { .. } => {
                Self::Unknown
            }
            ReplacementError::RolledBack { source, .. } => Self::of_replacement(source),
            _ if error.meant_to_run() == Some(MeantToRun::Unknown) => Self::Unknown,
            _ => error.step_error().map_or(Self::Unexpected, Self::of),
        }
    }

    /// The exit of a failed call: `CannotConnect` for refused credentials, a missing connection or a server that is not an Arroyo, and
    /// `otherwise` for everything else.
    pub(crate) fn of_client(error: &ClientError, otherwise: Self) -> Self {
        if is_not_arroyo(error) {
            return Self::CannotConnect;
        }
        match error.status().map(|status| status.as_u16()) {
            Some(401 | 403) => Self::CannotConnect,
            None if error.transport_error_kind().is_some() => Self::CannotConnect,
            _ => otherwise,
        }
    }
}

/// Whether the answer did not come from an Arroyo API, or the API has another path.
pub(crate) fn is_not_arroyo(error: &ClientError) -> bool {
    match error.kind() {
        ClientErrorKind::NotArroyo { .. } => true,
        // The 404 of an Arroyo names what is missing. Any other comes from a proxy, a web site, or a path outside the API.
        ClientErrorKind::Rejected { status, .. } => status.as_u16() == 404 && !error.is_not_found(),
        _ => false,
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

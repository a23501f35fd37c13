//! [`Error`], the failure of any step.

use snafu::Snafu;
use stepwell_arroyo::ClientError;
use stepwell_transport::Phase;

use crate::{
    attach::AttachError, connect::ConnectError, job::WaitError, resolve::ResolveError,
    shutdown::stop_pipeline::StopError, validate::ValidateError,
};

/// The failure of a step.
///
/// Two questions have a method each: could what was asked for have happened already ([`phase`](Self::phase)), and could the same
/// call succeed later ([`is_retryable`](Self::is_retryable)).
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum Error {
    /// `connect` failed.
    #[snafu(transparent)]
    Connect {
        /// Why.
        source: ConnectError,
    },
    /// `validate` failed.
    #[snafu(transparent)]
    Validate {
        /// Why.
        source: ValidateError,
    },
    /// `resolve`, `plan` or `discard` failed.
    #[snafu(transparent)]
    Resolve {
        /// Why.
        source: ResolveError,
    },
    /// `wait_until_running` or `ended` failed.
    #[snafu(transparent)]
    Wait {
        /// Why.
        source: WaitError,
    },
    /// `stop` failed.
    #[snafu(transparent)]
    Stop {
        /// Why.
        source: StopError,
    },
    /// `attach` failed.
    #[snafu(transparent)]
    Attach {
        /// Why.
        source: AttachError,
    },
    /// A look at the pipeline (`status`, `job_errors`, `checkpoints`, its rows) failed.
    #[snafu(display("looking at the pipeline failed"))]
    Look {
        /// Why.
        #[snafu(source(from(ClientError, Box::new)))]
        source: Box<ClientError>,
    },
    /// The shutdown that the submission belongs to has begun. What had been sent is in its hands.
    #[snafu(display("a shutdown has begun; what was made or started so far is stopped by it"))]
    ShutdownBegun,
    /// Called outside a tokio runtime.
    #[snafu(display("there is no tokio runtime; call this from within one"))]
    NoRuntime,
}

impl Error {
    /// Could what the step asks of the server have happened already?
    pub fn phase(&self) -> Phase {
        match self {
            Self::Connect { .. } | Self::NoRuntime => Phase::NotSent,
            Self::Resolve { source } => match source {
                ResolveError::OutcomeUnknown { .. } | ResolveError::StillUnknown { .. } => {
                    Phase::MaybeSent
                }
                ResolveError::Rejected { source, .. } | ResolveError::Unanswered { source, .. } => {
                    source.phase()
                }
                _ => Phase::Responded,
            },
            Self::Validate { source } => source
                .client_error()
                .map_or(Phase::Responded, ClientError::phase),
            Self::Look { source } => source.phase(),
            Self::ShutdownBegun => Phase::MaybeSent,
            Self::Wait { .. } | Self::Attach { .. } => Phase::Responded,
            Self::Stop { source } => match source {
                StopError::Deadline { .. } => Phase::MaybeSent,
                _ => Phase::Responded,
            },
        }
    }

    /// Could the same call succeed later, with nothing changed by a person?
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { source } => matches!(source, ConnectError::NotUp { .. }),
            Self::Validate { source } => {
                source.client_error().is_some_and(ClientError::is_retryable)
            }
            Self::Resolve { source } => match source {
                ResolveError::OutcomeUnknown { .. }
                | ResolveError::StillUnknown { .. }
                | ResolveError::NotSettled { .. }
                | ResolveError::Vanished { .. } => true,
                ResolveError::Unanswered { source, .. } | ResolveError::Rejected { source, .. } => {
                    source.is_retryable()
                }
                _ => false,
            },
            Self::Wait { source } => source.is_retryable(),
            Self::Stop { source } => matches!(
                source,
                StopError::Deadline { .. } | StopError::Resumed { .. }
            ),
            Self::Attach { source } => source.is_retryable(),
            Self::Look { source } => source.is_retryable(),
            Self::ShutdownBegun | Self::NoRuntime => false,
        }
    }
}

const _: () = assert!(
    size_of::<Error>() <= 128,
    "every result of a step carries it"
);

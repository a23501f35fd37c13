//! [`Error`], the failure of any step, and one error type per step.

use std::time::Duration;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId};
use stepwell_transport::Phase;

pub use crate::{
    attach_error::AttachError,
    chain::Chain,
    change::{Change, ChangeError},
    connect_error::ConnectError,
    job::{LastSeen, WaitError},
    replacement::{MeantToRun, ReplacementError},
    resolve::{Action, PipelineSummary, ResolveError},
    shutdown::{report::ShutdownError, stop_error::StopError},
    validate_error::ValidateError,
};

/// The failure of a step.
///
/// Its methods answer what a caller needs to know: whether the server may already have acted ([`phase`](Self::phase)), whether the same
/// call may succeed later ([`is_retryable`](Self::is_retryable)) and when ([`retry_after`](Self::retry_after)), which pipeline is affected
/// ([`pipeline_id`](Self::pipeline_id)), and what to call the failure in a metric ([`code`](Self::code)). [`Chain`] displays an error with
/// its causes.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum Error {
    /// `connect` failed.
    #[snafu(transparent)]
    Connect {
        /// The cause.
        source: ConnectError,
    },
    /// `validate` failed.
    #[snafu(transparent)]
    Validate {
        /// The cause.
        source: ValidateError,
    },
    /// `resolve`, `plan` or `discard` failed.
    #[snafu(transparent)]
    Resolve {
        /// The cause.
        source: ResolveError,
    },
    /// `wait_until_running` or `ended` failed.
    #[snafu(transparent)]
    Wait {
        /// The cause.
        source: WaitError,
    },
    /// `stop` failed.
    #[snafu(transparent)]
    Stop {
        /// The cause.
        source: StopError,
    },
    /// `attach` failed.
    #[snafu(transparent)]
    Attach {
        /// The cause.
        source: AttachError,
    },
    /// `start`, `update` or `delete` failed.
    #[snafu(transparent)]
    Change {
        /// The cause.
        source: ChangeError,
    },
    /// A step of a replacement failed.
    #[snafu(transparent)]
    Replacement {
        /// The cause.
        source: ReplacementError,
    },
    /// Reading the pipeline failed (`status`, `job_errors`, `checkpoints`, its rows).
    #[snafu(display("reading the pipeline failed"))]
    Look {
        /// The cause.
        source: ClientError,
    },
    /// The submission's shutdown has begun and takes care of whatever had already been sent.
    #[snafu(display(
        "a shutdown has begun, so nothing more is sent; what was created or started so far is stopped by `stop_all`, and left running by `drain`"
    ))]
    ShutdownBegun,
    /// There is no tokio runtime.
    #[snafu(display("there is no tokio runtime; call this from within one"))]
    NoRuntime,
}

/// Delegates to the error of the step that failed. Failures that belong to no step (a read, a begun shutdown, no runtime) have answers of
/// their own.
macro_rules! of_step {
    ($error:expr, $method:ident, $look:expr, $begun:expr, $no_runtime:expr) => {
        match $error {
            Self::Connect { source } => source.$method(),
            Self::Validate { source } => source.$method(),
            Self::Resolve { source } => source.$method(),
            Self::Wait { source } => source.$method(),
            Self::Stop { source } => source.$method(),
            Self::Attach { source } => source.$method(),
            Self::Change { source } => source.$method(),
            Self::Replacement { source } => source.$method(),
            Self::Look { source } => $look(source),
            Self::ShutdownBegun => $begun,
            Self::NoRuntime => $no_runtime,
        }
    };
}

impl Error {
    /// A stable name for the failure, for metrics, alerts and tests: the step and the variant, such as `resolve.outcome_unknown`. Error
    /// messages may change; codes do not. `docs/errors.md` lists them all.
    pub fn code(&self) -> &'static str {
        of_step!(self, code, |_| "look", "shutdown_begun", "no_runtime")
    }

    /// Whether the server may already have acted on what the step requested.
    pub fn phase(&self) -> Phase {
        of_step!(
            self,
            phase,
            |look: &ClientError| look.phase(),
            Phase::MaybeSent,
            Phase::NotSent
        )
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        of_step!(
            self,
            is_retryable,
            |look: &ClientError| look.is_retryable(),
            false,
            false
        )
    }

    /// The pipeline that the error is about, if its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        of_step!(self, pipeline_id, |_| None, None, None)
    }

    /// How long the server asked clients to wait (`Retry-After` of a 429 or 503), if that is the reason for the failure. The server may ask
    /// for any length of time, so bound it.
    pub fn retry_after(&self) -> Option<Duration> {
        self.client_error().and_then(ClientError::retry_after)
    }

    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        of_step!(self, client_error, Some, None, None)
    }
}

const _: () = assert!(
    size_of::<Error>() <= 128,
    "every result of a step carries it"
);

//! Errors: [`Error`], the failure of any step, and one type for each step.

use std::time::Duration;

use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId};
use stepwell_transport::Phase;

pub use crate::{
    attach_error::AttachError,
    chain::Chain,
    connect_error::ConnectError,
    job::{LastSeen, WaitError},
    resolve::{Action, PipelineSummary, ResolveError},
    shutdown::{report::ShutdownError, stop_error::StopError},
    validate_error::ValidateError,
};

/// The failure of a step.
///
/// Its methods answer what a caller asks: could what was asked for have happened already ([`phase`](Self::phase)); could the same call
/// succeed later ([`is_retryable`](Self::is_retryable)), and when ([`retry_after`](Self::retry_after)); which pipeline is it about
/// ([`pipeline_id`](Self::pipeline_id)); what is it called in a metric ([`code`](Self::code)). [`Chain`] shows it with its
/// causes.
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
        source: ClientError,
    },
    /// The shutdown that the submission belongs to has begun. What had been sent is in its hands.
    #[snafu(display("a shutdown has begun; what was made or started so far is stopped by it"))]
    ShutdownBegun,
    /// Called outside a tokio runtime.
    #[snafu(display("there is no tokio runtime; call this from within one"))]
    NoRuntime,
}

/// Asks the error of the step that failed. What is no step's has an answer of its own: a look, a shutdown that has begun, no runtime.
macro_rules! of_step {
    ($error:expr, $method:ident, $look:expr, $begun:expr, $no_runtime:expr) => {
        match $error {
            Self::Connect { source } => source.$method(),
            Self::Validate { source } => source.$method(),
            Self::Resolve { source } => source.$method(),
            Self::Wait { source } => source.$method(),
            Self::Stop { source } => source.$method(),
            Self::Attach { source } => source.$method(),
            Self::Look { source } => $look(source),
            Self::ShutdownBegun => $begun,
            Self::NoRuntime => $no_runtime,
        }
    };
}

impl Error {
    /// A stable name of what happened, for metrics, alerts and tests: the step and the variant, such as `resolve.outcome_unknown`. The
    /// texts of errors change; these do not. `docs/errors.md` lists all.
    pub fn code(&self) -> &'static str {
        of_step!(self, code, |_| "look", "shutdown_begun", "no_runtime")
    }

    /// Could what the step asks of the server have happened already?
    pub fn phase(&self) -> Phase {
        of_step!(
            self,
            phase,
            |look: &ClientError| look.phase(),
            Phase::MaybeSent,
            Phase::NotSent
        )
    }

    /// Could the same call succeed later, with nothing changed by a person?
    pub fn is_retryable(&self) -> bool {
        of_step!(
            self,
            is_retryable,
            |look: &ClientError| look.is_retryable(),
            false,
            false
        )
    }

    /// The pipeline that it is about, where its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        of_step!(self, pipeline_id, |_| None, None, None)
    }

    /// How long the server asked to be left alone, where it did and that is the reason (`Retry-After` of a 429 or 503). It may be any
    /// time: bound it.
    pub fn retry_after(&self) -> Option<Duration> {
        self.client_error().and_then(ClientError::retry_after)
    }

    fn client_error(&self) -> Option<&ClientError> {
        of_step!(self, client_error, Some, None, None)
    }
}

const _: () = assert!(
    size_of::<Error>() <= 128,
    "every result of a step carries it"
);

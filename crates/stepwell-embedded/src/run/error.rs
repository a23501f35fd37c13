//! Failures of a run.

use std::fmt;

use datafusion_common::DataFusionError;
use stepwell_arroyo::{ErrorDomain, hide_secrets};

use crate::limits::MAX_PARALLELISM;
use crate::plan::words;

/// Where the message of a failure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wording {
    /// The engine.
    Engine,
    /// A library: it may contain long values.
    Library,
}

/// A failure at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExecutionError {
    pub(crate) error: String,
    pub(crate) domain: ErrorDomain,
    pub(crate) retryable: bool,
    wording: Wording,
}

impl ExecutionError {
    pub(crate) fn internal(error: String) -> Self {
        Self {
            error,
            domain: ErrorDomain::Internal,
            retryable: false,
            wording: Wording::Engine,
        }
    }

    pub(crate) fn too_many_subtasks(parallelism: u32) -> Self {
        Self {
            error: format!("parallelism {parallelism} is above the limit of {MAX_PARALLELISM}"),
            domain: ErrorDomain::User,
            retryable: false,
            wording: Wording::Engine,
        }
    }

    /// The state that a run is to resume from does not belong to this program.
    pub(crate) fn unreadable(cause: &dyn fmt::Display) -> Self {
        Self::internal(format!("the checkpoint's state cannot be read: {cause}"))
    }

    /// A failure of an expression. Recording `361_div_by_zero_jobs` has `SQL error: Divide by zero error`.
    pub(crate) fn sql(error: &DataFusionError) -> Self {
        let error = match error.find_root() {
            DataFusionError::ArrowError(error, _) => error.to_string(),
            error => error.strip_backtrace(),
        };
        Self {
            error: words::of_failure(&error),
            domain: ErrorDomain::User,
            retryable: false,
            wording: Wording::Library,
        }
    }

    /// A failure of a connector, with Arroyo's message (recording `301_missing_file_jobs`).
    pub(crate) fn connector(error: &str) -> Self {
        Self {
            error: format!("error in connector: {error}"),
            domain: ErrorDomain::User,
            retryable: false,
            wording: Wording::Engine,
        }
    }

    /// A bad line. Retryable, as in Arroyo (recording `376_bad_data_fail_nowait_jobs`): the file may be corrected by then.
    pub(crate) fn bad_data(complaint: &str) -> Self {
        Self {
            error: format!("bad data in {complaint}"),
            domain: ErrorDomain::External,
            retryable: true,
            wording: Wording::Engine,
        }
    }

    /// The failure as it is shown: without the secrets of the query, and then shortened.
    pub(crate) fn shown(mut self, query: &str) -> Self {
        self.error = match self.wording {
            Wording::Engine => hide_secrets(query, &self.error),
            Wording::Library => words::shown(query, &self.error),
        };
        self
    }

    /// The same failure, if a later run may succeed.
    pub(crate) fn retryable(self) -> Self {
        Self {
            domain: ErrorDomain::External,
            retryable: true,
            ..self
        }
    }
}

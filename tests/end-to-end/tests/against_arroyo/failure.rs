//! Why a scenario failed.

use std::{error::Error, fmt, panic::Location};

/// Why a scenario failed, with all causes and the line where it failed. It does not implement `Error`, so that every error can be converted
/// into it.
pub(crate) struct Failure(String);

impl Failure {
    #[track_caller]
    pub(crate) fn new(text: impl fmt::Display) -> Self {
        Self(format!("{text}\n  at {}", Location::caller()))
    }

    /// Adds another failure.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self(format!("{}\nand {}", self.0, other.0))
    }
}

impl<E: Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(chain(&error))
    }
}

// The test harness prints a returned error with `Debug`.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An error and its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}\n  because {error}");
        source = error.source();
    }
    text
}

/// The error of an operation that must fail.
#[track_caller]
pub(crate) fn error_of<T: fmt::Debug>(
    outcome: Result<T, impl Into<stepwell::Error>>,
) -> Result<stepwell::Error, Failure> {
    match outcome {
        Ok(value) => Err(Failure::new(format!("this was to fail: {value:?}"))),
        Err(error) => Ok(error.into()),
    }
}

/// A failure for an error other than the expected one.
#[track_caller]
pub(crate) fn unexpected(error: &stepwell::Error) -> Failure {
    Failure::new(format!("another error was expected than: {}", chain(error)))
}

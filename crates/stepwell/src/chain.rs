//! An error with its causes as one line of text.

use std::{error::Error, fmt};

/// Displays an error and all its causes on one line, separated by colons.
///
/// The message of an error does not repeat its causes, so that an error reporter can format them. Without a reporter, use this in a log
/// line:
///
/// ```
/// # use stepwell::{Submission, error::Chain, state::Connected};
/// # async fn example(connected: Submission<Connected>) {
/// if let Err(failure) = connected.validate().await {
///     eprintln!("{}", Chain(failure.error()));
/// }
/// # }
/// ```
#[derive(Clone, Copy)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it wraps one error and nothing else"
)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(formatter, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, formatter)
    }
}

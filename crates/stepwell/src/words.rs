//! Words that several messages have in common.

use std::fmt::Display;

use stepwell_arroyo::ClientError;
pub(crate) use stepwell_transport::words::*;

/// How a message begins whose request has failed for good: `the server refused to stop`, or `could not stop` if no answer of a server was
/// the reason.
pub(crate) fn refused(action: impl Display, error: &ClientError) -> String {
    match error.status() {
        Some(_) => format!("the server refused to {action}"),
        None => format!("could not {action}"),
    }
}

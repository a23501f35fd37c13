//! What `list`, `status`, `validate` and `completions` print on standard output. Rows have a place of their own (`command/rows.rs`).

use std::io::{self, Write as _};

use snafu::ResultExt;
use tokio::task;

use crate::failure::{Failure, StandardOutputSnafu};

/// Writes a text and flushes it. A reader that has gone, as in `| head`, has what it wanted; anything else that cannot be written is an
/// error, so that success is not claimed for what did not arrive.
pub(crate) async fn print(text: String) -> Result<(), Failure> {
    // It blocks when a pipe is full, and a signal must end the command all the same.
    let written = task::spawn_blocking(move || write(&text)).await;
    match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context(StandardOutputSnafu),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

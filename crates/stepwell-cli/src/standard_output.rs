//! The results of `list`, `status`, `validate` and `completions` on standard output. Rows are printed by `command/run/rows.rs`.

use std::io::{self, Write as _};

use snafu::ResultExt;
use tokio::task;

use crate::failure::{Failure, StandardOutputSnafu};

/// Writes a text and flushes it. It is no failure if the reader has gone, as in `| head`; every other write error is one.
pub(crate) async fn print(text: String) -> Result<(), Failure> {
    // The write blocks while a pipe is full, and a signal must still end the command.
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

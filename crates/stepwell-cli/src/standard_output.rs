//! The results of `list`, `status`, `logs`, `validate` and `completions` on standard output. Rows are printed by `command/run/rows.rs`.

use std::io::{self, Write as _};

use snafu::ResultExt;
use tokio::task;

use crate::failure::{Failure, StandardOutputSnafu};

/// Whether the output is still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Reads,
    HasGone,
}

/// Writes a text and flushes it. It is no failure if the reader has gone, as in `| head`; every other write error is one.
pub(crate) async fn print(text: String) -> Result<(), Failure> {
    print_some(text).await.map(drop)
}

/// As [`print()`], for a part of the output: says whether more of it would be read.
pub(crate) async fn print_some(text: String) -> Result<Reader, Failure> {
    // The write blocks while a pipe is full, and a signal must still end the command.
    let written = task::spawn_blocking(move || write(&text)).await;
    match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::HasGone),
        written => written.context(StandardOutputSnafu).map(|()| Reader::Reads),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

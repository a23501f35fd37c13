//! The rows of a pipeline on standard output.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use snafu::ResultExt;
use stepwell::{RowStream, Shutdown};
use tokio::task::{self, JoinHandle};

use crate::{
    failure::{Failure, RowsSnafu},
    output::Output,
};

/// How long rows are waited for that are still coming when the pipeline has ended.
const LAST_ROWS: Duration = Duration::from_secs(2);

/// The shortest time between two warnings of the same kind.
const QUIET: Duration = Duration::from_secs(10);

/// The task that shows the rows of a pipeline on a server.
pub(crate) struct Showing {
    task: JoinHandle<Result<(), Failure>>,
    output: Output,
}

impl Showing {
    pub(crate) fn start(rows: RowStream, output: &Output, shutdown: &Shutdown) -> Self {
        let stdout = Stdout::new(output, shutdown);
        let task = tokio::spawn(show(rows, stdout, output.clone(), shutdown.clone()));
        Self {
            task,
            output: output.clone(),
        }
    }

    /// Waits for the rows that are still coming, in bounded time.
    pub(crate) async fn finish(mut self) -> Result<(), Failure> {
        match tokio::time::timeout(LAST_ROWS, &mut self.task).await {
            Ok(shown) => shown.unwrap_or(Ok(())),
            Err(_) => {
                self.task.abort();
                self.output.warning(
                    "the rows had come to no end 2 s after the pipeline; the last of them may not be shown",
                );
                Ok(())
            }
        }
    }
}

/// Prints rows until there are no more, or nobody reads them.
async fn show(
    mut rows: RowStream,
    mut stdout: Stdout,
    output: Output,
    shutdown: Shutdown,
) -> Result<(), Failure> {
    let mut gaps = Gaps::new(&output);
    while !stdout.closed {
        let batch = match rows.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                gaps.tell();
                if !rows.is_complete() {
                    output.warning(
                        "the last rows may not be shown: the pipeline ended when they could not be read",
                    );
                }
                return Ok(());
            }
            Err(error) => {
                gaps.tell();
                output.warning(&format!("no more rows are shown: {}", chain(&error)));
                return Ok(());
            }
        };
        gaps.note(batch.missed, batch.may_repeat);
        // It may block, as a pipe does that nobody reads: nothing is read from the server then, either.
        let written = task::spawn_blocking(move || {
            let written = stdout.print(&batch.rows);
            (stdout, written)
        });
        let Ok((back, written)) = written.await else {
            return Ok(());
        };
        stdout = back;
        if let Err(error) = written {
            // A pipeline whose rows are lost is not left running.
            shutdown.begin();
            return Err(error).context(RowsSnafu);
        }
    }
    Ok(())
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What is known of rows that were not shown, or twice; told now and then, for a reader who is too slow misses some all the time.
struct Gaps<'a> {
    output: &'a Output,
    missed: u64,
    repeats: bool,
    told: Option<Instant>,
}

impl<'a> Gaps<'a> {
    fn new(output: &'a Output) -> Self {
        Self {
            output,
            missed: 0,
            repeats: false,
            told: None,
        }
    }

    fn note(&mut self, missed: u64, may_repeat: bool) {
        self.missed = self.missed.saturating_add(missed);
        self.repeats |= may_repeat;
        if self.told.is_none_or(|told| told.elapsed() >= QUIET) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if self.missed > 0 {
            self.output.warning(&format!(
                "{} row(s) are not shown: they came before they could be read, or faster; a sink in the query gets all",
                self.missed
            ));
        }
        if self.repeats {
            self.output.warning(
                "the pipeline has begun anew or from a checkpoint; some rows may be shown again",
            );
        }
        if self.missed > 0 || self.repeats {
            *self = Self {
                told: Some(Instant::now()),
                ..Self::new(self.output)
            };
        }
    }
}

/// Standard output as the place of rows. When its reader has gone, as in `| head`, that is a wish to stop, not a failure of the job.
pub(crate) struct Stdout {
    output: Output,
    shutdown: Shutdown,
    closed: bool,
}

impl Stdout {
    pub(crate) fn new(output: &Output, shutdown: &Shutdown) -> Self {
        Self {
            output: output.clone(),
            shutdown: shutdown.clone(),
            closed: false,
        }
    }

    /// A line for each of them, with one write for all.
    fn print(&mut self, rows: &[String]) -> io::Result<()> {
        let mut lines = String::with_capacity(rows.iter().map(|row| row.len() + 1).sum());
        for row in rows {
            lines.push_str(row);
            lines.push('\n');
        }
        self.write_all(lines.as_bytes())?;
        self.flush()
    }

    fn take(&mut self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                self.shutdown.begin();
                Ok(())
            }
            written => written,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.closed {
            let written = self.output.suspend(|| io::stdout().lock().write_all(bytes));
            self.take(written)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let flushed = self.output.suspend(|| io::stdout().lock().flush());
        self.take(flushed)
    }
}

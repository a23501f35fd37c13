//! The rows of a pipeline, on standard output.

mod writer;

use std::{
    io,
    time::{Duration, Instant},
};

use snafu::ResultExt;
use stepwell::{Shutdown, error::Chain, state::RowStream};
use tokio::task::{self, JoinHandle};

use crate::{
    failure::{Failure, StandardOutputSnafu},
    output::Output,
};

pub(crate) use self::writer::{RowWriter, WriteFailure};

/// How long to wait for the last rows after the pipeline has ended. The stream itself gives up after 2 s.
const LAST_ROWS: Duration = Duration::from_secs(4);

/// The minimum time between two warnings about gaps.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

/// The task that prints the rows of a pipeline on a server.
pub(crate) struct RowPrinter {
    write_failure: WriteFailure,
    task: JoinHandle<Result<(), Failure>>,
    output: Output,
}

impl RowPrinter {
    pub(crate) fn start(rows: RowStream, output: &Output, shutdown: &Shutdown) -> Self {
        let writer = RowWriter::new(output, shutdown);
        let write_failure = writer.failure();
        let task = tokio::spawn(print(rows, writer, output.clone()));
        Self {
            write_failure,
            task,
            output: output.clone(),
        }
    }

    /// The handle that tells why a row could not be written.
    pub(crate) fn write_failure(&self) -> WriteFailure {
        self.write_failure.clone()
    }

    /// Waits for the last rows, for a limited time.
    pub(crate) async fn finish(mut self) -> Result<(), Failure> {
        match tokio::time::timeout(LAST_ROWS, &mut self.task).await {
            Ok(printed) => printed.unwrap_or(Ok(())),
            Err(_) => {
                self.task.abort();
                self.output.warning(
                    "rows were still arriving 4 s after the pipeline ended; the last of them may not be shown",
                );
                Ok(())
            }
        }
    }
}

/// Prints rows until the stream ends or the reader of standard output has gone.
async fn print(mut rows: RowStream, mut writer: RowWriter, output: Output) -> Result<(), Failure> {
    let mut gaps = Gaps::new(&output);
    loop {
        let batch = match rows.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                gaps.warn();
                if !rows.is_complete() {
                    output.warning(
                        "the last rows may not be shown: the pipeline ended while its rows could not be read",
                    );
                }
                return Ok(());
            }
            Err(error) => {
                gaps.warn();
                output.warning(&format!("no more rows are shown: {}", Chain(&error)));
                return Ok(());
            }
        };
        gaps.add(batch.missed, batch.may_repeat);
        // This blocks while the pipe is full, and nothing is read from the server meanwhile.
        let written = task::spawn_blocking(move || {
            let written = writer.print(&batch.rows);
            (writer, written)
        });
        let Ok((back, written)) = written.await else {
            return Ok(());
        };
        writer = back;
        // The writer has begun the shutdown, so the pipeline is not left running.
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.context(StandardOutputSnafu)?,
        }
    }
}

/// Rows that were missed or may be repeated. Warnings are collected, because a slow reader misses rows all the time.
struct Gaps<'a> {
    output: &'a Output,
    missed: u64,
    repeats: bool,
    warned_at: Option<Instant>,
}

impl<'a> Gaps<'a> {
    fn new(output: &'a Output) -> Self {
        Self {
            output,
            missed: 0,
            repeats: false,
            warned_at: None,
        }
    }

    fn add(&mut self, missed: u64, may_repeat: bool) {
        self.missed = self.missed.saturating_add(missed);
        self.repeats |= may_repeat;
        if self
            .warned_at
            .is_none_or(|at| at.elapsed() >= BETWEEN_WARNINGS)
        {
            self.warn();
        }
    }

    fn warn(&mut self) {
        if self.missed > 0 {
            self.output.warning(&format!(
                "{} not shown: produced before, or faster than, they could be read; to get every row, write to a sink",
                match self.missed {
                    1 => "1 row was".to_owned(),
                    missed => format!("{missed} rows were"),
                }
            ));
        }
        if self.repeats {
            self.output.warning(
                "the pipeline has restarted, from the beginning or from a checkpoint; some rows may be shown again",
            );
        }
        if self.missed > 0 || self.repeats {
            *self = Self {
                warned_at: Some(Instant::now()),
                ..Self::new(self.output)
            };
        }
    }
}

//! The rows of a pipeline on standard output.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use snafu::ResultExt;
use stepwell::{Chain, RowStream, Shutdown};
use tokio::task::{self, JoinHandle};

use crate::{
    failure::{Failure, StandardOutputSnafu},
    output::Output,
};

/// How long rows are waited for that are still coming when the pipeline has ended. The stream itself gives up after 2 s.
const LAST_ROWS: Duration = Duration::from_secs(4);

/// The pause before a write to a full, non-blocking pipe is retried.
const FULL_PIPE_PAUSE: Duration = Duration::from_millis(10);

/// The shortest time between two warnings of the same kind.
const QUIET: Duration = Duration::from_secs(10);

/// The task that shows the rows of a pipeline on a server.
pub(crate) struct Showing {
    write_failure: WriteFailure,
    task: JoinHandle<Result<(), Failure>>,
    output: Output,
}

impl Showing {
    pub(crate) fn start(rows: RowStream, output: &Output, shutdown: &Shutdown) -> Self {
        let stdout = Stdout::new(output, shutdown);
        let write_failure = stdout.failure();
        let task = tokio::spawn(show(rows, stdout, output.clone()));
        Self {
            write_failure,
            task,
            output: output.clone(),
        }
    }

    /// Why a row could not be written, now or later.
    pub(crate) fn write_failure(&self) -> WriteFailure {
        self.write_failure.clone()
    }

    /// Waits for the rows that are still coming, in bounded time.
    pub(crate) async fn finish(mut self) -> Result<(), Failure> {
        match tokio::time::timeout(LAST_ROWS, &mut self.task).await {
            Ok(shown) => shown.unwrap_or(Ok(())),
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

/// Prints rows until there are no more, or nobody reads them.
async fn show(mut rows: RowStream, mut stdout: Stdout, output: Output) -> Result<(), Failure> {
    let mut gaps = Gaps::new(&output);
    loop {
        let batch = match rows.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => {
                gaps.tell();
                if !rows.is_complete() {
                    output.warning(
                        "the last rows may not be shown: the pipeline ended while its rows could not be read",
                    );
                }
                return Ok(());
            }
            Err(error) => {
                gaps.tell();
                output.warning(&format!("no more rows are shown: {}", Chain(&error)));
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
        // `Stdout` has begun the shutdown, so the pipeline is not left running.
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.context(StandardOutputSnafu)?,
        }
    }
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
                told: Some(Instant::now()),
                ..Self::new(self.output)
            };
        }
    }
}

/// The first error of a write to standard output, if any. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteFailure(Arc<Mutex<Option<io::Error>>>);

impl WriteFailure {
    /// Takes the error out. [`io::ErrorKind::BrokenPipe`] means that the reader has seen enough.
    pub(crate) fn take(&self) -> Option<io::Error> {
        self.lock().take()
    }

    fn keep(&self, error: &io::Error) {
        // `io::Error` cannot be cloned, but it can be made again from its number.
        let copy = error
            .raw_os_error()
            .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
        self.lock().get_or_insert(copy);
    }

    fn lock(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Standard output as the destination of rows. The first failed write begins the shutdown: the reader has gone, as in `| head`, or the
/// rows cannot be stored.
///
/// It has no buffer, so a byte that it has accepted is written.
pub(crate) struct Stdout {
    output: Output,
    shutdown: Shutdown,
    file: Option<File>,
    failure: WriteFailure,
}

impl Stdout {
    pub(crate) fn new(output: &Output, shutdown: &Shutdown) -> Self {
        Self {
            output: output.clone(),
            shutdown: shutdown.clone(),
            file: None,
            failure: WriteFailure::default(),
        }
    }

    /// A handle on the first error, which stays valid when the engine owns `self`.
    pub(crate) fn failure(&self) -> WriteFailure {
        self.failure.clone()
    }

    /// A line for each of them, with one write for all.
    fn print(&mut self, rows: &[String]) -> io::Result<()> {
        let mut lines = String::with_capacity(rows.iter().map(|row| row.len() + 1).sum());
        for row in rows {
            lines.push_str(row);
            lines.push('\n');
        }
        self.write_all(lines.as_bytes())
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            // Not `io::stdout`: its buffer would keep part of a row and write it later.
            None => self
                .file
                .insert(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
        };
        loop {
            match self.output.suspend(|| file.write(bytes)) {
                // Another process has made the shared pipe non-blocking. To us it is only slow.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(FULL_PIPE_PAUSE);
                }
                Ok(0) if !bytes.is_empty() => return Err(io::ErrorKind::WriteZero.into()),
                written => return written,
            }
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.try_write(bytes);
        if let Err(error) = &written
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.failure.keep(error);
            self.shutdown.begin();
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

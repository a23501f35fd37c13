//! Writing rows to standard output.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use stepwell::Shutdown;

use crate::output::Output;

/// The pause before a write to a full, non-blocking pipe is retried.
const FULL_PIPE_PAUSE: Duration = Duration::from_millis(10);

/// The first error of a write to standard output, if any. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteFailure(Arc<Mutex<Option<io::Error>>>);

impl WriteFailure {
    /// Takes the error. [`io::ErrorKind::BrokenPipe`] means that the reader has gone, which is not a failure.
    pub(crate) fn take(&self) -> Option<io::Error> {
        self.lock().take()
    }

    fn keep(&self, error: &io::Error) {
        // `io::Error` cannot be cloned, but it can be rebuilt from its number.
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
/// It has no buffer, so every byte that it accepts is written.
pub(crate) struct RowWriter {
    output: Output,
    shutdown: Shutdown,
    file: Option<File>,
    failure: WriteFailure,
}

impl RowWriter {
    pub(crate) fn new(output: &Output, shutdown: &Shutdown) -> Self {
        Self {
            output: output.clone(),
            shutdown: shutdown.clone(),
            file: None,
            failure: WriteFailure::default(),
        }
    }

    /// The handle on the first error, which stays valid after the engine has taken `self`.
    pub(crate) fn failure(&self) -> WriteFailure {
        self.failure.clone()
    }

    /// Prints the rows, one per line, with a single write.
    pub(super) fn print(&mut self, rows: &[String]) -> io::Result<()> {
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
            // `io::stdout` has a buffer, which would keep part of a row and write it later.
            None => self
                .file
                .insert(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
        };
        loop {
            match self.output.suspend(|| file.write(bytes)) {
                // Another process that shares the pipe has made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(FULL_PIPE_PAUSE);
                }
                Ok(0) if !bytes.is_empty() => return Err(io::ErrorKind::WriteZero.into()),
                written => return written,
            }
        }
    }
}

impl Write for RowWriter {
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

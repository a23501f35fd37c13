//! The rows that queries print: one thread writes them, in the order in which they come, to where the caller wants them.
//!
//! A thread, because the writer is the caller's and may block, such as a pipe that nobody reads. The channel in front of
//! it is short, so a slow reader slows the queries down instead of filling memory.

use std::io::{BufWriter, Write};
use std::sync::{Arc, OnceLock};
use std::thread;

use bytes::Bytes;
use snafu::ResultExt as _;
use tokio::sync::{mpsc, oneshot};

use crate::error::{EngineError, ThreadSnafu};

/// How many batches of rows may wait for the writer.
const WAITING_BATCHES: usize = 16;

/// Rows as text: JSON objects, each with its line end. Clones share the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    text: Bytes,
    count: usize,
}

impl Lines {
    /// A text of so many lines.
    pub(crate) fn new(text: impl Into<Bytes>, count: usize) -> Self {
        let text = text.into();
        Self { text, count }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Each without its line end.
    pub(crate) fn each(&self) -> impl Iterator<Item = Bytes> {
        // JSON has no line end inside.
        let rows = self.text.split(|byte| *byte == b'\n').take(self.count);
        rows.map(|row| self.text.slice_ref(row))
    }
}

/// The writer is gone, with what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriteFailed(pub(crate) String);

#[derive(Debug)]
enum Entry {
    Rows(Vec<Lines>),
    /// Answered once all that came before it is written and flushed.
    Barrier(oneshot::Sender<()>),
}

/// A handle on the thread that writes; the thread ends after the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    entries: mpsc::Sender<Entry>,
    failure: Arc<OnceLock<String>>,
}

impl Rows {
    pub(crate) fn start(writer: Box<dyn Write + Send>) -> Result<Self, EngineError> {
        let (entries, waiting) = mpsc::channel(WAITING_BATCHES);
        let failure = Arc::new(OnceLock::new());
        let failed = Arc::clone(&failure);
        thread::Builder::new()
            .name("stepwell-rows".to_owned())
            .spawn(move || write(writer, waiting, &failed))
            .context(ThreadSnafu)?;
        Ok(Self { entries, failure })
    }

    /// Hands over rows, waiting for a place if there is none.
    pub(crate) async fn write(&self, rows: Vec<Lines>) -> Result<(), WriteFailed> {
        self.entries
            .send(Entry::Rows(rows))
            .await
            .map_err(|_| self.failed())
    }

    /// Waits until all rows handed over before are written and flushed.
    pub(crate) async fn flush(&self) -> Result<(), WriteFailed> {
        let (written, barrier) = oneshot::channel();
        self.entries
            .send(Entry::Barrier(written))
            .await
            .map_err(|_| self.failed())?;
        barrier.await.map_err(|_| self.failed())
    }

    fn failed(&self) -> WriteFailed {
        let cause = self
            .failure
            .get()
            .map_or("the writer of rows ended", String::as_str);
        WriteFailed(cause.to_owned())
    }
}

/// Writes until all senders are gone, or the writer fails. What has come is flushed as soon as nothing more waits, so that
/// a reader sees a row when it comes.
fn write(
    writer: Box<dyn Write + Send>,
    mut waiting: mpsc::Receiver<Entry>,
    failure: &OnceLock<String>,
) {
    let mut writer = BufWriter::new(writer);
    while let Some(entry) = waiting.blocking_recv() {
        let mut result = match &entry {
            Entry::Rows(rows) => rows
                .iter()
                .try_for_each(|lines| writer.write_all(&lines.text)),
            Entry::Barrier(_) => writer.flush(),
        };
        if result.is_ok() && waiting.is_empty() {
            result = writer.flush();
        }
        if let Err(error) = result {
            // Before the entry and the channel are dropped: who finds them gone finds the cause.
            let _ = failure.set(error.to_string());
            // What is in the buffer failed once; it is not tried again when the buffer is dropped.
            let _ = writer.into_parts();
            return;
        }
        if let Entry::Barrier(written) = entry {
            // If nobody waits any more there is nobody to tell.
            let _ = written.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Mutex};

    use super::*;

    /// Takes so many bytes, then fails like a closed pipe.
    #[derive(Clone, Debug)]
    struct Pipe {
        taken: Arc<Mutex<Vec<u8>>>,
        room: usize,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut taken = self.taken.lock().unwrap();
            if taken.len() + bytes.len() > self.room {
                return Err(io::Error::from(io::ErrorKind::BrokenPipe));
            }
            taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_barrier_follows_all_rows_before_it() {
        let pipe = Pipe {
            taken: Arc::default(),
            room: usize::MAX,
        };
        let rows = Rows::start(Box::new(pipe.clone())).unwrap();
        for row in 0..3000 {
            rows.write(vec![Lines::new(format!("{row}\n"), 1)])
                .await
                .unwrap();
        }
        rows.flush().await.unwrap();
        let text = String::from_utf8(pipe.taken.lock().unwrap().clone()).unwrap();
        assert!(
            text.lines()
                .map(|line| line.parse::<u32>().unwrap())
                .eq(0..3000)
        );
    }

    #[tokio::test]
    async fn a_closed_pipe_is_told_to_the_next_row() {
        let pipe = Pipe {
            taken: Arc::default(),
            room: 2,
        };
        let rows = Rows::start(Box::new(pipe)).unwrap();
        rows.write(vec![Lines::new("1\n", 1)]).await.unwrap();
        rows.flush().await.unwrap();
        let failed = async {
            rows.write(vec![Lines::new("2\n", 1)]).await?;
            rows.flush().await
        };
        assert_eq!(failed.await, Err(WriteFailed("broken pipe".to_owned())));
    }
}

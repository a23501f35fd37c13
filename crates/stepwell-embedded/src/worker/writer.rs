//! Writes the rows that queries print: one thread passes them on, in order, to the writer of the caller.
//!
//! The writer may block, as a pipe without a reader does, hence the thread. The channel in front of it is short, so a slow reader slows
//! the queries down instead of filling memory.
//!
//! For each entry the thread reports how many of its rows were written to their last byte. Once the writer has failed it is not used
//! again, and the report for every later entry is 0: the sender keeps those rows.

use std::io::{self, Write};
use std::thread;

use snafu::ResultExt as _;
use tokio::sync::{mpsc, oneshot};

use crate::error::{EngineError, ThreadSnafu};
use crate::format::JsonRows;

/// How many entries may wait for the writer, and the most that are flushed together.
const WAITING_ENTRIES: usize = 16;

#[derive(Debug)]
struct Entry {
    rows: JsonRows,
    written: oneshot::Sender<usize>,
}

/// A handle on the thread that writes. The thread ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub(crate) struct RowWriter {
    entries: mpsc::Sender<Entry>,
}

impl RowWriter {
    pub(crate) fn start(writer: Box<dyn Write + Send>) -> Result<Self, EngineError> {
        let (entries, waiting) = mpsc::channel(WAITING_ENTRIES);
        thread::Builder::new()
            .name("stepwell-rows".to_owned())
            .spawn(move || write(writer, waiting))
            .context(ThreadSnafu)?;
        Ok(Self { entries })
    }

    /// Hands over rows, and waits for room in the channel. The receiver gets the number of rows that were written; if it is closed
    /// without a number, none was.
    ///
    /// Cancel safe: a dropped call has handed over nothing.
    pub(crate) async fn hand_over(&self, rows: JsonRows) -> oneshot::Receiver<usize> {
        let (written, answer) = oneshot::channel();
        if let Ok(permit) = self.entries.reserve().await {
            permit.send(Entry { rows, written });
        }
        answer
    }

    /// Waits until the writer has finished with all rows that were handed over before.
    pub(crate) async fn flush(&self) {
        let _ = self.hand_over(JsonRows::default()).await.await;
    }
}

/// Writes until all senders are gone. Flushes before it waits for more, so that a reader sees each row at once.
fn write(mut writer: Box<dyn Write + Send>, mut waiting: mpsc::Receiver<Entry>) {
    let mut entries = Vec::new();
    let mut has_failed = false;
    while waiting.blocking_recv_many(&mut entries, WAITING_ENTRIES) > 0 {
        let mut written = 0;
        if !has_failed && let Err(error) = write_all(&mut *writer, &entries, &mut written) {
            has_failed = true;
            let error = &error as &dyn std::error::Error;
            // The caller owns the writer and has seen the error, and no row is lost.
            tracing::info!(
                error,
                "no more rows can be written; pipelines that have some keep them and wait to be stopped"
            );
        }
        for Entry {
            rows,
            written: answer,
        } in entries.drain(..)
        {
            let own = written.min(rows.text().len());
            written -= own;
            let whole = if has_failed {
                rows.whole_in(own)
            } else {
                rows.count()
            };
            // The run may have ended.
            let _ = answer.send(whole);
        }
    }
}

/// Writes and flushes all entries. `written` is the number of bytes that are certain to be written.
fn write_all(writer: &mut dyn Write, entries: &[Entry], written: &mut usize) -> io::Result<()> {
    let mut taken = 0;
    let texts = entries.iter().map(|entry| entry.rows.text());
    let result = texts.into_iter().try_for_each(|text| {
        let mut rest = text;
        while !rest.is_empty() {
            match writer.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    taken += bytes;
                    rest = rest.get(bytes..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    });
    // Bytes that the writer has accepted may still be in a buffer of its own.
    let flushed = writer.flush();
    if flushed.is_ok() {
        *written = taken;
    }
    result.and(flushed)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    /// Accepts `room` bytes, a few at a time, then fails like a closed pipe.
    #[derive(Clone, Debug)]
    struct Pipe {
        taken: Arc<Mutex<Vec<u8>>>,
        room: usize,
        at_once: usize,
    }

    impl Pipe {
        fn new(room: usize, at_once: usize) -> Self {
            Self {
                taken: Arc::default(),
                room,
                at_once,
            }
        }

        fn text(&self) -> String {
            String::from_utf8(self.taken.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut taken = self.taken.lock().unwrap();
            let room = (self.room - taken.len()).min(self.at_once);
            if room == 0 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let bytes = &bytes[..room.min(bytes.len())];
            taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Accepts everything, and fails to flush it.
    struct Buffer;

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    fn lines(rows: &[&str]) -> JsonRows {
        JsonRows::new(rows.join("\n") + "\n", rows.len())
    }

    #[tokio::test]
    async fn a_flush_follows_all_rows_before_it() {
        let pipe = Pipe::new(usize::MAX, 3);
        let rows = RowWriter::start(Box::new(pipe.clone())).unwrap();
        let mut answers = Vec::new();
        for row in 0..3000 {
            answers.push(rows.hand_over(lines(&[&row.to_string()])).await);
        }
        rows.flush().await;
        let text = pipe.text();
        let written = text.lines().map(|line| line.parse::<u32>().unwrap());
        assert!(written.eq(0..3000));
        for answer in answers {
            assert_eq!(answer.await, Ok(1));
        }
    }

    #[tokio::test]
    async fn rows_count_as_written_to_their_last_byte_and_none_after_a_failure() {
        // The rows take 3, 3, 4 and 4 bytes with their line ends.
        for (room, written) in [
            (0, [0, 0]),
            (2, [0, 0]),
            (3, [1, 0]),
            (5, [1, 0]),
            (6, [2, 0]),
            (9, [2, 0]),
            (10, [2, 1]),
            (13, [2, 1]),
        ] {
            for at_once in [1, 2, 100] {
                let pipe = Pipe::new(room, at_once);
                let rows = RowWriter::start(Box::new(pipe.clone())).unwrap();
                let first = rows.hand_over(lines(&["10", "11"])).await;
                let second = rows.hand_over(lines(&["120", "121"])).await;
                let answers = [first.await.unwrap(), second.await.unwrap()];
                assert_eq!(answers, written, "{room} bytes, {at_once} at once");
                let later = rows.hand_over(lines(&["13"])).await;
                assert_eq!(later.await, Ok(0));
                assert_eq!(pipe.text().len(), room);
            }
        }
    }

    #[tokio::test]
    async fn what_a_failed_flush_may_have_lost_was_not_written() {
        let rows = RowWriter::start(Box::new(Buffer)).unwrap();
        let answer = rows.hand_over(lines(&["1", "2"])).await;
        assert_eq!(answer.await, Ok(0));
    }
}

//! The source that reads a file: its lines, each a JSON object, from the first to the last.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use arrow::{
    compute::concat_batches, datatypes::SchemaRef, error::ArrowError, record_batch::RecordBatch,
};
use tokio::time::Instant;

use crate::connector::source::{Due, Position, Read, Source, SourceConnector};
use crate::format::bad_line;
use crate::format::json::JsonReader;
use crate::format::lines::{BYTE_ORDER_MARK, Line, LineBatch, count_lines};
use crate::format::{BadData, StrangeTime};
use crate::run::ExecutionError;

pub(super) const NAME: &str = "single_file";
/// Arroyo describes the sink like this too.
pub(super) const DESCRIPTION: &str = "Single File Source";

/// The most lines in one batch, and the most bytes of them.
const LARGEST_BATCH: usize = 4096;
const LARGEST_BATCH_BYTES: usize = 1024 * 1024;
/// A longer line is not a row.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Dropped lines are reported at most this often: reports go into the job's log, which is kept.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// A file that is read.
#[derive(Clone, Debug)]
pub(super) struct ReadFile {
    pub(super) path: PathBuf,
    /// Reads the columns.
    pub(super) format: JsonReader,
    pub(super) bad_data: BadData,
    /// Whether each line waits for a checkpoint after the one before, as in Arroyo unless `wait_for_control = 'false'`.
    pub(super) wait_for_control: bool,
}

impl SourceConnector for ReadFile {
    fn node(&self) -> (&'static str, String) {
        (NAME, DESCRIPTION.to_owned())
    }

    fn columns(&self, declared: Option<&SchemaRef>) -> Result<SchemaRef, &'static str> {
        declared
            .cloned()
            .ok_or("a file needs columns; declare them")
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn source(
        &self,
        subtask: u32,
        position: Option<&Position>,
    ) -> Result<Option<Box<dyn Source>>, ExecutionError> {
        // A file has one reader, or its lines would be read more than once.
        if subtask > 0 {
            return Ok(None);
        }
        let offset = position.map_or(Ok(0), |position| position.read(NAME))?;
        Ok(Some(Box::new(FileSource::new(self.clone(), offset))))
    }
}

/// The source of the one subtask that reads the file.
#[derive(Debug)]
struct FileSource {
    file: ReadFile,
    /// Opened when the first line is wanted: a job is Running before it fails of a missing file (recording
    /// `301_missing_file_jobs`).
    reader: Option<BufReader<File>>,
    /// Where the next line begins.
    offset: u64,
    /// Where this run began to read, and the number of lines before that, which is counted only if it is needed.
    begin: u64,
    lines_before: Option<u64>,
    /// The number of lines between `begin` and `offset`.
    lines_read: u64,
    /// Where each row of the last batch ends, and how many lines this run has read up to there.
    row_ends: Vec<(u64, u64)>,
    waiting: bool,
    created: Instant,
    dropped: Option<(u64, String)>,
    /// What is to be said about the first strange time, and whether there was one.
    notice: Option<String>,
    has_strange_time: bool,
    /// When dropped lines were last reported.
    told: Option<Instant>,
}

impl Source for FileSource {
    fn due(&self) -> Due {
        if self.waiting {
            Due::OnCheckpoint
        } else {
            Due::At(self.created)
        }
    }

    fn checkpointed(&mut self) {
        self.waiting = false;
    }

    fn dropped(&mut self, is_end: bool) -> Option<(u64, String)> {
        let is_time = is_end || self.told.is_none_or(|told| told.elapsed() > TELL_INTERVAL);
        if !is_time || self.dropped.is_none() {
            return None;
        }
        self.told = Some(Instant::now());
        self.dropped.take()
    }

    fn notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    fn keep(&mut self, rows: usize) {
        self.row_ends.truncate(rows);
        if let Some((end, lines)) = self.row_ends.last() {
            self.offset = *end;
            self.lines_read = *lines;
            self.reader = None;
        }
    }

    /// Blocks for as long as reading about a megabyte of a local file takes.
    fn take(&mut self) -> Result<Option<Read>, ExecutionError> {
        let lines = self.lines()?;
        if lines.end == self.offset {
            return Ok(None);
        }
        let batch = match self.file.format.decode_all(&lines) {
            Some((batch, strange)) => {
                if let Some((line, time)) = strange {
                    self.warn_of(line, &time);
                }
                let ends = lines.filled.iter();
                self.row_ends = ends.map(|line| (line.end, line.number)).collect();
                self.offset = lines.end;
                self.lines_read = lines.read;
                batch
            }
            None => self.decode_each(&lines)?,
        };
        self.waiting = self.file.wait_for_control;
        Ok(Some(Read { batch, times: None }))
    }

    fn position(&self) -> Position {
        Position::new(NAME, self.offset.into())
    }
}

impl FileSource {
    fn new(file: ReadFile, offset: u64) -> Self {
        Self {
            file,
            reader: None,
            offset,
            begin: offset,
            lines_before: None,
            lines_read: 0,
            row_ends: Vec::new(),
            waiting: false,
            created: Instant::now(),
            dropped: None,
            notice: None,
            has_strange_time: false,
            told: None,
        }
    }

    /// The next lines, from the offset on.
    fn lines(&mut self) -> Result<LineBatch, ExecutionError> {
        let (path, offset) = (self.file.path.clone(), self.offset);
        let failed = |operation: &str, error: &io::Error| {
            ExecutionError::connector(&format!(
                "failed to {operation} file '{}': {error}",
                path.display()
            ))
        };
        if self.reader.is_none() {
            let file = open(&self.file.path, offset).map_err(|error| failed("open", &error))?;
            self.reader = Some(BufReader::with_capacity(64 * 1024, file));
        }
        let mut lines = LineBatch {
            end: offset,
            read: self.lines_read,
            ..LineBatch::default()
        };
        let Some(reader) = &mut self.reader else {
            return Ok(lines);
        };
        let most = if self.file.wait_for_control {
            1
        } else {
            LARGEST_BATCH
        };
        while lines.filled.len() < most && lines.text.len() < LARGEST_BATCH_BYTES {
            let begin = lines.text.len();
            let read = reader
                .take(LONGEST_LINE + 1)
                .read_until(b'\n', &mut lines.text)
                .map_err(|error| failed("read", &error))?;
            if read == 0 {
                break;
            }
            if read as u64 > LONGEST_LINE {
                let location = self.location(lines.read + 1);
                return Err(ExecutionError::connector(&format!(
                    "failed to read file {location}: the line is longer than {LONGEST_LINE} bytes"
                )));
            }
            if lines.end == 0 && lines.text.starts_with(BYTE_ORDER_MARK) {
                lines.text.drain(..BYTE_ORDER_MARK.len());
            }
            lines.end += read as u64;
            lines.read += 1;
            let line = Line {
                text: begin..lines.text.len(),
                end: lines.end,
                number: lines.read,
            };
            if !lines.bytes_of(&line).trim_ascii().is_empty() {
                lines.filled.push(line);
            }
        }
        Ok(lines)
    }

    /// The file and the line number, given the number among the lines that this run has read.
    fn location(&mut self, number: u64) -> String {
        let path = self.file.path.display();
        if self.lines_before.is_none() {
            self.lines_before = count_lines(&self.file.path, self.begin).ok();
        }
        match self.lines_before {
            Some(before) => format!("{path}, line {}", before + number),
            None => path.to_string(),
        }
    }

    /// Decodes line by line, up to the first bad line or without the bad lines.
    fn decode_each(&mut self, lines: &LineBatch) -> Result<RecordBatch, ExecutionError> {
        let mut batches = Vec::new();
        self.row_ends.clear();
        for line in &lines.filled {
            match self.file.format.decode(lines.bytes_of(line)) {
                Ok((batch, strange)) => {
                    if let Some(time) = strange {
                        self.warn_of(line, &time);
                    }
                    batches.push(batch);
                    self.row_ends.push((line.end, line.number));
                }
                Err(error) if self.file.bad_data == BadData::Drop => match &mut self.dropped {
                    Some((rows, _)) => *rows += 1,
                    None => self.dropped = Some((1, self.complaint(lines, line, &error))),
                },
                // The next call begins with the bad line.
                Err(_) if !batches.is_empty() => {
                    self.keep(batches.len());
                    return self.concat(&batches);
                }
                Err(error) => {
                    let complaint = self.complaint(lines, line, &error);
                    return Err(ExecutionError::bad_data(&complaint));
                }
            }
        }
        self.offset = lines.end;
        self.lines_read = lines.read;
        self.concat(&batches)
    }

    /// Where the bad line is, and what is wrong with it.
    fn complaint(&mut self, lines: &LineBatch, line: &Line, error: &ArrowError) -> String {
        let schema = self.file.format.schema();
        let is_first = self.begin == 0 && line.number == 1;
        let why = bad_line::explain(schema, lines.bytes_of(line), is_first, error);
        format!("{}: {why}", self.location(line.number))
    }

    /// Warns of the first time that probably counts another unit.
    fn warn_of(&mut self, line: &Line, time: &StrangeTime) {
        if !self.has_strange_time {
            self.has_strange_time = true;
            self.notice = Some(format!("{}: {time}", self.location(line.number)));
        }
    }

    fn concat(&self, batches: &[RecordBatch]) -> Result<RecordBatch, ExecutionError> {
        concat_batches(self.file.format.schema(), batches)
            .map_err(|error| ExecutionError::sql(&error.into()))
    }
}

fn open(path: &Path, offset: u64) -> io::Result<File> {
    // Opening a pipe would block.
    let is_file = fs::metadata(path)?.is_file();
    if !is_file {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.len() < offset {
        return Err(io::Error::other(format!(
            "it has {} bytes, and {offset} of it were read before: it was changed meanwhile",
            metadata.len()
        )));
    }
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}

//! The single-file source: the lines of a file, each a JSON object, from the first to the last.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use arrow::{
    compute::concat_batches, datatypes::SchemaRef, error::ArrowError, record_batch::RecordBatch,
};
use tokio::time::Instant;

use crate::connector::source::{Due, Read};
use crate::format::bad_line;
use crate::format::json::{decode, decode_all};
use crate::format::lines::{BYTE_ORDER_MARK, Lines, Place, count_lines};
use crate::run::ExecutionError;

/// So many lines at most are given at once, and so many bytes of them.
const LARGEST_BATCH: usize = 4096;
const LARGEST_BATCH_BYTES: usize = 1024 * 1024;
/// A longer line is no row.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// What was dropped is told this often at most: it goes into the job's log, which is kept.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// What becomes of a line that is no row of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BadData {
    #[default]
    Fail,
    Drop,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SingleFile {
    pub(crate) path: PathBuf,
    /// The columns that are read.
    pub(crate) schema: SchemaRef,
    pub(crate) bad_data: BadData,
    /// Whether a line follows another only after a checkpoint, as in Arroyo unless `wait_for_control = 'false'`.
    pub(crate) wait_for_control: bool,
}

impl SingleFile {
    /// What is wrong with the columns, if no line can be a row of them.
    pub(crate) fn check(&self) -> Result<(), String> {
        decode(&self.schema, b"", 0)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    pub(crate) fn source(&self, offset: u64) -> SingleFileSource {
        SingleFileSource {
            file: self.clone(),
            reader: None,
            offset,
            begin: offset,
            lines_before: None,
            lines_read: 0,
            row_ends: Vec::new(),
            waiting: false,
            created: Instant::now(),
            dropped: None,
            told: None,
        }
    }
}

/// The source under way.
#[derive(Debug)]
pub(crate) struct SingleFileSource {
    file: SingleFile,
    /// Opened when the first line is wanted: a job is Running before it fails of a missing file (recording
    /// `301_missing_file_jobs`).
    reader: Option<BufReader<File>>,
    /// What comes next begins there.
    offset: u64,
    /// Where this run began to read, and the number of lines before that, which is counted only when it is needed.
    begin: u64,
    lines_before: Option<u64>,
    /// The number of lines from there to the offset.
    lines_read: u64,
    /// Where each row of the last batch ends, and how many lines were read up to there.
    row_ends: Vec<(u64, u64)>,
    waiting: bool,
    created: Instant,
    dropped: Option<(u64, String)>,
    /// When it was told last what was dropped.
    told: Option<Instant>,
}

impl SingleFileSource {
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn due(&self) -> Due {
        if self.waiting {
            Due::OnCheckpoint
        } else {
            Due::At(self.created)
        }
    }

    pub(crate) fn go_on(&mut self) {
        self.waiting = false;
    }

    pub(crate) fn dropped(&mut self, is_end: bool) -> Option<(u64, String)> {
        let is_time = is_end || self.told.is_none_or(|told| told.elapsed() > TELL_INTERVAL);
        if !is_time || self.dropped.is_none() {
            return None;
        }
        self.told = Some(Instant::now());
        self.dropped.take()
    }

    pub(crate) fn keep(&mut self, rows: usize) {
        self.row_ends.truncate(rows);
        if let Some((end, lines)) = self.row_ends.last() {
            self.offset = *end;
            self.lines_read = *lines;
            self.reader = None;
        }
    }

    /// The next rows; `None` at the end of the file.
    ///
    /// It blocks for as long as a read of a local file of about a megabyte takes.
    pub(crate) fn take(&mut self) -> Result<Option<Read>, ExecutionError> {
        let lines = self.lines()?;
        if lines.end == self.offset {
            return Ok(None);
        }
        let batch = match decode_all(&self.file.schema, &lines) {
            Some(batch) => {
                let places = lines.places.iter();
                self.row_ends = places.map(|place| (place.end, place.number)).collect();
                self.offset = lines.end;
                self.lines_read = lines.read;
                batch
            }
            None => self.decode_each(&lines)?,
        };
        self.waiting = self.file.wait_for_control;
        Ok(Some(Read { batch, times: None }))
    }

    /// The next lines. They begin at the offset.
    fn lines(&mut self) -> Result<Lines, ExecutionError> {
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
        let mut lines = Lines {
            end: offset,
            read: self.lines_read,
            ..Lines::default()
        };
        let Some(reader) = &mut self.reader else {
            return Ok(lines);
        };
        let most = if self.file.wait_for_control {
            1
        } else {
            LARGEST_BATCH
        };
        while lines.places.len() < most && lines.text.len() < LARGEST_BATCH_BYTES {
            let begin = lines.text.len();
            let read = reader
                .take(LONGEST_LINE + 1)
                .read_until(b'\n', &mut lines.text)
                .map_err(|error| failed("read", &error))?;
            if read == 0 {
                break;
            }
            if read as u64 > LONGEST_LINE {
                let place = self.place(lines.read + 1);
                return Err(ExecutionError::connector(&format!(
                    "failed to read file {place}: the line is longer than {LONGEST_LINE} bytes"
                )));
            }
            if lines.end == 0 && lines.text.starts_with(BYTE_ORDER_MARK) {
                lines.text.drain(..BYTE_ORDER_MARK.len());
            }
            lines.end += read as u64;
            lines.read += 1;
            let place = Place {
                text: begin..lines.text.len(),
                end: lines.end,
                number: lines.read,
            };
            if !lines.line(&place).trim_ascii().is_empty() {
                lines.places.push(place);
            }
        }
        Ok(lines)
    }

    /// The file and the line number, given the number among the lines that this run has read.
    fn place(&mut self, number: u64) -> String {
        let path = self.file.path.display();
        if self.lines_before.is_none() {
            self.lines_before = count_lines(&self.file.path, self.begin).ok();
        }
        match self.lines_before {
            Some(before) => format!("{path}, line {}", before + number),
            None => path.to_string(),
        }
    }

    /// Decodes line by line: up to the first bad line, or without bad lines.
    fn decode_each(&mut self, lines: &Lines) -> Result<RecordBatch, ExecutionError> {
        let mut batches = Vec::new();
        self.row_ends.clear();
        for place in &lines.places {
            match decode(&self.file.schema, lines.line(place), 1) {
                Ok(batch) => {
                    batches.push(batch);
                    self.row_ends.push((place.end, place.number));
                }
                Err(error) if self.file.bad_data == BadData::Drop => match &mut self.dropped {
                    Some((rows, _)) => *rows += 1,
                    None => self.dropped = Some((1, self.complaint(lines, place, &error))),
                },
                // It comes first the next time.
                Err(_) if !batches.is_empty() => {
                    self.keep(batches.len());
                    return self.concat(&batches);
                }
                Err(error) => {
                    let complaint = self.complaint(lines, place, &error);
                    return Err(ExecutionError::bad_data(&complaint));
                }
            }
        }
        self.offset = lines.end;
        self.lines_read = lines.read;
        self.concat(&batches)
    }

    /// Where the bad line is, and what is wrong with it.
    fn complaint(&mut self, lines: &Lines, place: &Place, error: &ArrowError) -> String {
        let why = bad_line::explain(&self.file.schema, lines.line(place), error);
        format!("{}: {why}", self.place(place.number))
    }

    fn concat(&self, batches: &[RecordBatch]) -> Result<RecordBatch, ExecutionError> {
        concat_batches(&self.file.schema, batches)
            .map_err(|error| ExecutionError::sql(&error.into()))
    }
}

fn open(path: &PathBuf, offset: u64) -> io::Result<File> {
    // A pipe would be waited for when it is opened.
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

//! Lines of a file, with their positions.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    ops::Range,
    path::Path,
};

/// Some programs write it at the beginning of a text file. It is not part of the first line.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Consecutive lines of a file.
#[derive(Default)]
pub(crate) struct LineBatch {
    pub(crate) text: Vec<u8>,
    /// The lines that are not blank.
    pub(crate) filled: Vec<Line>,
    /// The offset in the file after them and after trailing blank lines.
    pub(crate) end: u64,
    /// How many lines were read up to `end`.
    pub(crate) read: u64,
}

pub(crate) struct Line {
    /// The range in the text.
    pub(crate) text: Range<usize>,
    /// The offset in the file after it.
    pub(crate) end: u64,
    /// How many lines were read, this one included.
    pub(crate) number: u64,
}

impl LineBatch {
    pub(crate) fn bytes_of(&self, line: &Line) -> &[u8] {
        self.text.get(line.text.clone()).unwrap_or_default()
    }
}

/// How many lines end before an offset.
pub(crate) fn count_lines(path: &Path, offset: u64) -> io::Result<u64> {
    if offset == 0 {
        return Ok(0);
    }
    let mut reader = BufReader::with_capacity(64 * 1024, File::open(path)?.take(offset));
    let mut lines = 0;
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(lines);
        }
        let length = bytes.len();
        lines += bytes.split(|byte| *byte == b'\n').skip(1).count() as u64;
        reader.consume(length);
    }
}

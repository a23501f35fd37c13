//! The lines of a file and their positions.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    ops::Range,
    path::Path,
};

/// Some programs begin a text file with it. It is not part of the first line.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Consecutive lines of a file.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: Vec<u8>,
    /// The lines that are not blank.
    pub(super) places: Vec<Place>,
    /// Where they end in the file, trailing blank lines included.
    pub(super) end: u64,
    /// How many lines were read up to there.
    pub(super) read: u64,
}

pub(super) struct Place {
    /// The range in the text.
    pub(super) text: Range<usize>,
    /// Where it ends in the file.
    pub(super) end: u64,
    /// How many lines were read, this one included.
    pub(super) number: u64,
}

impl Lines {
    pub(super) fn line(&self, place: &Place) -> &[u8] {
        self.text.get(place.text.clone()).unwrap_or_default()
    }
}

/// How many lines end before an offset.
pub(super) fn count_lines(path: &Path, offset: u64) -> io::Result<u64> {
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

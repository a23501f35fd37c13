//! Lines of a file, and where they are in it.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    ops::Range,
    path::Path,
};

/// What some programs begin a text file with. It is no part of the first line.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Lines as they stand in the file.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: Vec<u8>,
    /// Those that aren't blank.
    pub(super) places: Vec<Place>,
    /// Where they end in the file, with what is blank behind the last.
    pub(super) end: u64,
    /// How many lines were read by then.
    pub(super) read: u64,
}

pub(super) struct Place {
    /// Where it is in the text.
    pub(super) text: Range<usize>,
    /// Where it ends in the file.
    pub(super) end: u64,
    /// How many lines were read with it.
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

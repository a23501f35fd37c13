//! Rows that were encoded as JSON, on their way to where they are printed or streamed.

use bytes::Bytes;

/// Rows as text: JSON objects, each with its line end. Clones share the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JsonRows {
    text: Bytes,
    count: usize,
}

impl JsonRows {
    /// A text of `count` lines.
    pub(crate) fn new(text: impl Into<Bytes>, count: usize) -> Self {
        let text = text.into();
        Self { text, count }
    }

    /// The number of rows.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Each row without its line end.
    pub(crate) fn each(&self) -> impl Iterator<Item = Bytes> {
        // JSON text on one line contains no line end.
        let rows = self.text.split(|byte| *byte == b'\n').take(self.count);
        rows.map(|row| self.text.slice_ref(row))
    }

    /// What is left after the first `rows` rows.
    pub(crate) fn after(&self, rows: usize) -> Self {
        // The usual case, without a scan of the text.
        if rows >= self.count {
            return Self::default();
        }
        let taken: usize = self.each().take(rows).map(|row| row.len() + 1).sum();
        Self {
            text: self.text.slice(taken.min(self.text.len())..),
            count: self.count - rows,
        }
    }

    /// How many rows are complete within the first `bytes` bytes.
    pub(crate) fn whole_in(&self, bytes: usize) -> usize {
        if bytes >= self.text.len() {
            return self.count;
        }
        let written = self.text.iter().take(bytes);
        written.filter(|byte| **byte == b'\n').count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&str]) -> JsonRows {
        JsonRows::new(rows.join("\n") + "\n", rows.len())
    }

    #[test]
    fn rows_are_taken_off_from_the_front() {
        let all = rows(&["1", "22", "333"]);
        assert_eq!(all.after(0), all);
        assert_eq!(all.after(1), rows(&["22", "333"]));
        assert_eq!(all.after(3), JsonRows::default());
    }
}

//! The rows that a source has dropped in one run, in words.

/// How many, and the first.
#[derive(Debug)]
pub(super) struct AllDropped {
    pub(super) rows: u64,
    /// Where the first is, and what is wrong with it.
    pub(super) first: String,
}

impl AllDropped {
    /// The words when it begins.
    pub(super) fn begin(&self, operator: &str) -> String {
        format!(
            "{operator} drops lines that are not rows; the first is {}",
            self.first
        )
    }

    /// The words at the end of the run.
    pub(super) fn total(&self, operator: &str) -> String {
        let lines = if self.rows == 1 { "line" } else { "lines" };
        format!(
            "{operator} has dropped {} {lines} in this run; the first is {}",
            self.rows, self.first
        )
    }
}

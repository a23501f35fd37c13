//! What a run gives to its owner.

use crate::format::JsonRows;

/// What some rows led to.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) printed: Vec<Printed>,
    /// The subtask of the source that they came from.
    pub(crate) subtask: u32,
    /// Rows that a source skipped.
    pub(crate) dropped: Option<Dropped>,
    /// What the user is to be warned of.
    pub(crate) notices: Vec<String>,
    /// How many rows were read.
    pub(crate) rows_in: u64,
    /// How many rows went to sinks.
    pub(crate) rows_out: u64,
}

/// Rows to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) rows: JsonRows,
    /// Whether they come from a bare `SELECT`.
    pub(crate) is_preview: bool,
}

/// Rows that could not be read and were skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// The source, named as in Arroyo.
    pub(crate) operator: String,
    pub(crate) rows: u64,
    /// What is wrong with the first of them.
    pub(crate) error: String,
}

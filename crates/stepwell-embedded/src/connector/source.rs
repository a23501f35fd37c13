//! The contract of sources.

use std::{collections::BTreeMap, fmt, path::Path};

use arrow::{array::Int64Array, datatypes::SchemaRef, record_batch::RecordBatch};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::Instant;

use crate::run::ExecutionError;

/// A source as a table declares it.
pub(crate) trait SourceConnector: fmt::Debug + Send + Sync {
    /// The operator and the description of its node in the graph, as Arroyo has them.
    fn node(&self) -> (&'static str, String);

    /// The columns of the table, given those that it declares, or what is wrong with them.
    fn columns(&self, declared: Option<&SchemaRef>) -> Result<SchemaRef, &'static str>;

    /// A file that it reads, which no sink of the query may write.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// The source of a subtask, from the beginning or from a position. `None`: this subtask has nothing to read.
    fn source(
        &self,
        subtask: u32,
        position: Option<&Position>,
    ) -> Result<Option<Box<dyn Source>>, ExecutionError>;
}

/// A running subtask of a source.
pub(crate) trait Source: fmt::Debug + Send {
    /// When it is to be read next.
    fn due(&self) -> Due;

    /// The next rows; `None` at the end.
    fn take(&mut self) -> Result<Option<Read>, ExecutionError>;

    /// Takes back all but the first `rows` rows of the last batch: they are read again.
    fn keep(&mut self, rows: usize);

    /// The position after all rows given so far.
    fn position(&self) -> Position;

    /// How many rows were skipped since the last report, and what is wrong with the first of them. Reports are rate-limited, except at
    /// the end.
    fn dropped(&mut self, _is_end: bool) -> Option<(u64, String)> {
        None
    }

    /// What the user is to be warned of.
    fn notice(&mut self) -> Option<String> {
        None
    }

    /// A checkpoint was taken.
    fn checkpointed(&mut self) {}
}

/// Rows that a source has given.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) batch: RecordBatch,
    /// Their event times in nanoseconds, if the source sets them.
    pub(crate) times: Option<Int64Array>,
}

/// When a source is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    At(Instant),
    /// After the next checkpoint.
    OnCheckpoint,
}

/// How far a subtask of a source has read, as a checkpoint keeps it: the name of the connector, and what it needs to resume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Position(BTreeMap<String, Value>);

impl Position {
    pub(super) fn new(connector: &str, value: Value) -> Self {
        Self(BTreeMap::from([(connector.to_owned(), value)]))
    }

    pub(super) fn read<T: DeserializeOwned>(&self, connector: &str) -> Result<T, ExecutionError> {
        let value = self.0.get(connector);
        let value = value.ok_or_else(|| ExecutionError::unreadable(&"it is of another query"))?;
        T::deserialize(value).map_err(|error| ExecutionError::unreadable(&error))
    }
}

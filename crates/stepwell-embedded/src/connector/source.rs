//! Sources: where rows come from. Each subtask of a source is a [`Source`]; what is read, and when it is due, is up to it.

use arrow::{array::Int64Array, record_batch::RecordBatch};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::connector::Connector;
use crate::connector::{impulse, single_file};
use crate::run::ExecutionError;

/// Rows that a source has given.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) batch: RecordBatch,
    /// Their event times in nanoseconds, if the source sets them.
    pub(crate) times: Option<Int64Array>,
}

/// When a source wants to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    At(Instant),
    /// After the next checkpoint.
    OnCheckpoint,
}

/// What is kept of a source: the effect of all rows given so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceState {
    Impulse(impulse::ImpulseState),
    /// How many bytes of the file have been read.
    SingleFile(u64),
}

/// One subtask of a source, under way.
#[derive(Debug)]
pub(crate) enum Source {
    Impulse(impulse::ImpulseSource),
    SingleFile(single_file::source::SingleFileSource),
}

impl Source {
    /// The source of a subtask, from the beginning or from a state. `None`: this subtask has nothing to read.
    pub(crate) fn new(
        connector: &Connector,
        subtask: u32,
        state: Option<SourceState>,
    ) -> Option<Self> {
        match connector {
            Connector::Impulse(impulse) => {
                let state = match state {
                    Some(SourceState::Impulse(state)) => Some(state),
                    _ => None,
                };
                Some(Self::Impulse(impulse.source(subtask, state)))
            }
            // A file has one reader, or its lines would be read more than once.
            Connector::SingleFile(file) if subtask == 0 => {
                let offset = match state {
                    Some(SourceState::SingleFile(offset)) => offset,
                    _ => 0,
                };
                Some(Self::SingleFile(file.source(offset)))
            }
            _ => None,
        }
    }

    pub(crate) fn due(&self) -> Due {
        match self {
            Self::Impulse(impulse) => Due::At(impulse.wake()),
            Self::SingleFile(file) => file.due(),
        }
    }

    /// The next rows; `None` at the end.
    pub(crate) fn take(&mut self) -> Result<Option<Read>, ExecutionError> {
        match self {
            Self::Impulse(impulse) => impulse
                .take()
                .map_err(|error| ExecutionError::sql(&error.into())),
            Self::SingleFile(file) => file.take(),
        }
    }

    /// Takes all but the first rows of the last ones back: they are given anew.
    pub(crate) fn keep(&mut self, rows: usize) {
        match self {
            Self::Impulse(impulse) => impulse.keep(rows as u64),
            Self::SingleFile(file) => file.keep(rows),
        }
    }

    pub(crate) fn state(&self) -> SourceState {
        match self {
            Self::Impulse(impulse) => SourceState::Impulse(impulse.state()),
            Self::SingleFile(file) => SourceState::SingleFile(file.offset()),
        }
    }

    /// What was dropped since this was last asked; how many, and what is wrong with the first of them. Now and then only, but for the end.
    pub(crate) fn dropped(&mut self, is_end: bool) -> Option<(u64, String)> {
        match self {
            Self::Impulse(_) => None,
            Self::SingleFile(file) => file.dropped(is_end),
        }
    }

    /// A checkpoint was taken.
    pub(crate) fn checkpointed(&mut self) {
        if let Self::SingleFile(file) = self {
            file.go_on();
        }
    }
}

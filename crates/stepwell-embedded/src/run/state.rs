//! The state of a run in a checkpoint: a header in JSON, then the windows of each operator that has some.

use serde::{Deserialize, Serialize};

use super::error::ExecutionError;
use super::output::Printed;
use crate::connector::Position;
use crate::format::JsonRows;

/// Version 2 had no unwritten rows.
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=3;

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// By source, then by subtask; `None`: the subtask has nothing to read.
    sources: Vec<Vec<Option<KeptSubtask>>>,
    /// The positions of the sinks that have one: the lengths of written files.
    files: Vec<u64>,
    /// Printed rows that were not written.
    #[serde(default)]
    unwritten: Vec<KeptRows>,
}

#[derive(Serialize, Deserialize)]
struct KeptRows {
    preview: bool,
    /// JSON objects, each with its line end.
    rows: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeptSubtask {
    pub(super) source: Position,
    pub(super) watermark: i64,
}

/// A decoded state.
#[derive(Default)]
pub(super) struct Kept {
    sources: Vec<Vec<Option<KeptSubtask>>>,
    pub(super) files: Vec<u64>,
    pub(super) windows: Vec<Vec<u8>>,
    pub(super) unwritten: Vec<Printed>,
}

impl Kept {
    pub(super) fn decode(parts: &[Vec<u8>]) -> Result<Self, ExecutionError> {
        let (header, windows) = parts
            .split_first()
            .ok_or_else(|| ExecutionError::unreadable(&"it is empty"))?;
        let header: Header =
            serde_json::from_slice(header).map_err(|error| ExecutionError::unreadable(&error))?;
        if !VERSIONS.contains(&header.version) {
            let newest = VERSIONS.end();
            let cause = format!("it is of version {}, not {newest}", header.version);
            return Err(ExecutionError::unreadable(&cause));
        }
        Ok(Self {
            sources: header.sources,
            files: header.files,
            windows: windows.to_vec(),
            unwritten: header
                .unwritten
                .into_iter()
                .map(KeptRows::printed)
                .collect(),
        })
    }

    pub(super) fn subtask(&self, source: usize, index: u32) -> Option<&KeptSubtask> {
        self.sources
            .get(source)?
            .get(usize::try_from(index).ok()?)?
            .as_ref()
    }
}

impl KeptRows {
    fn of(printed: &Printed) -> Self {
        Self {
            preview: printed.is_preview,
            rows: String::from_utf8_lossy(printed.rows.text()).into_owned(),
        }
    }

    fn printed(self) -> Printed {
        let count = self.rows.bytes().filter(|byte| *byte == b'\n').count();
        Printed {
            rows: JsonRows::new(self.rows, count),
            is_preview: self.preview,
        }
    }
}

/// The first part of a state.
pub(super) fn header(
    sources: Vec<Vec<Option<KeptSubtask>>>,
    files: Vec<u64>,
    unwritten: &[Printed],
) -> Result<Vec<u8>, ExecutionError> {
    let header = Header {
        version: *VERSIONS.end(),
        sources,
        files,
        unwritten: unwritten.iter().map(KeptRows::of).collect(),
    };
    serde_json::to_vec(&header).map_err(|error| ExecutionError::unreadable(&error))
}

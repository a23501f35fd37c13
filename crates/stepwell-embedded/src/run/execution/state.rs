//! The state of a run as it is kept: a header in JSON, then the windows of each operator that has some.

use serde::{Deserialize, Serialize};

use super::Execution;
use crate::connector::sink::Sink;
use crate::connector::source::SourceState;
use crate::format::JsonRows;
use crate::run::error::ExecutionError;
use crate::run::output::Printed;

/// Version 2 had no unwritten rows.
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=3;

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// By source, then by subtask; none: the subtask had nothing (more) to read.
    sources: Vec<Vec<Option<KeptSubtask>>>,
    /// How long each file was that is written.
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

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct KeptSubtask {
    pub(crate) source: SourceState,
    pub(crate) watermark: i64,
}

/// A state, taken apart.
#[derive(Default)]
pub(crate) struct Kept {
    sources: Vec<Vec<Option<KeptSubtask>>>,
    pub(crate) files: Vec<u64>,
    pub(crate) windows: Vec<Vec<u8>>,
    pub(crate) unwritten: Vec<Printed>,
}

impl Kept {
    pub(crate) fn decode(parts: &[Vec<u8>]) -> Result<Self, ExecutionError> {
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

    pub(crate) fn subtask(&self, source: usize, index: u32) -> Option<KeptSubtask> {
        *self
            .sources
            .get(source)?
            .get(usize::try_from(index).ok()?)?
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

impl Execution {
    /// The effect of all rows given so far; what was written to files would survive a power cut.
    ///
    /// A call that is dropped has done nothing that matters.
    pub(crate) async fn checkpoint(&mut self) -> Result<Vec<Vec<u8>>, ExecutionError> {
        self.sync().await?;
        let files = self.sinks.iter().filter_map(|sink| match sink {
            Sink::File(file) => Some(file.length()),
            Sink::Print { .. } | Sink::Forget => None,
        });
        let header = Header {
            version: *VERSIONS.end(),
            sources: self.sources(),
            files: files.collect(),
            unwritten: self.unwritten.iter().map(KeptRows::of).collect(),
        };
        let header =
            serde_json::to_vec(&header).map_err(|error| ExecutionError::unreadable(&error))?;
        let mut parts = vec![header];
        for windows in self.windows.iter_mut().flatten() {
            parts.push(
                windows
                    .state()
                    .map_err(|error| ExecutionError::sql(&error))?,
            );
        }
        for subtask in &mut self.subtasks {
            if let Some(source) = &mut subtask.source {
                source.checkpointed();
            }
        }
        Ok(parts)
    }

    /// Waits until what was written to files would survive a power cut.
    pub(crate) async fn sync(&mut self) -> Result<(), ExecutionError> {
        self.open()?;
        for sink in &self.sinks {
            if let Sink::File(file) = sink {
                file.sync().await?;
            }
        }
        Ok(())
    }

    fn sources(&self) -> Vec<Vec<Option<KeptSubtask>>> {
        let mut sources = vec![Vec::new(); self.parts.sources.len()];
        for subtask in &self.subtasks {
            if let Some(kept) = sources.get_mut(subtask.of) {
                kept.push(subtask.source.as_ref().map(|source| KeptSubtask {
                    source: source.state(),
                    watermark: subtask.watermark,
                }));
            }
        }
        sources
    }
}

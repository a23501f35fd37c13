//! The state of a run as it is kept: a header in JSON, then the windows of each operator that has some.

use serde::{Deserialize, Serialize};

use super::{Execution, ExecutionError};
use crate::sql::{sink::Sink, source::SourceState};

const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// By source, then by subtask; none: the subtask had nothing (more) to read.
    sources: Vec<Vec<Option<KeptSubtask>>>,
    /// How long each file was that is written.
    files: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct KeptSubtask {
    pub(super) source: SourceState,
    pub(super) watermark: i64,
}

/// A state, taken apart.
#[derive(Default)]
pub(super) struct Kept {
    sources: Vec<Vec<Option<KeptSubtask>>>,
    pub(super) files: Vec<u64>,
    pub(super) windows: Vec<Vec<u8>>,
}

impl Kept {
    pub(super) fn decode(parts: &[Vec<u8>]) -> Result<Self, ExecutionError> {
        let (header, windows) = parts
            .split_first()
            .ok_or_else(|| ExecutionError::unreadable(&"it is empty"))?;
        let header: Header =
            serde_json::from_slice(header).map_err(|error| ExecutionError::unreadable(&error))?;
        if header.version != VERSION {
            let cause = format!("it is of version {}, not {VERSION}", header.version);
            return Err(ExecutionError::unreadable(&cause));
        }
        Ok(Self {
            sources: header.sources,
            files: header.files,
            windows: windows.to_vec(),
        })
    }

    pub(super) fn subtask(&self, source: usize, index: u32) -> Option<KeptSubtask> {
        *self
            .sources
            .get(source)?
            .get(usize::try_from(index).ok()?)?
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
            version: VERSION,
            sources: self.sources(),
            files: files.collect(),
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

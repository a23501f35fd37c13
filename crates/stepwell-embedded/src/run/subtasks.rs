//! The subtasks of the sources, and their watermarks.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::error::ExecutionError;
use super::event_time::{BEGINNING, END};
use super::output::Dropped;
use super::program::Parts;
use super::state::{Kept, KeptSubtask};
use crate::connector::{Due, Source};

/// One subtask of a source.
#[derive(Debug)]
pub(super) struct Subtask {
    /// The number of the source.
    pub(super) of: usize,
    pub(super) index: u32,
    /// `None`: it has nothing to read.
    pub(super) source: Option<Box<dyn Source>>,
    pub(super) has_ended: bool,
    pub(super) watermark: i64,
}

/// All subtasks of all sources, by number.
#[derive(Debug)]
pub(super) struct Subtasks {
    all: Vec<Subtask>,
    /// Where the search for a due subtask begins, so that each has its turn.
    turn: usize,
}

/// What a run does next.
#[derive(Clone, Copy, Debug)]
pub(super) enum NextRead {
    /// It reads from a subtask, at this time.
    From(usize, Instant),
    /// It waits for a checkpoint.
    OnCheckpoint,
    /// Every subtask has ended.
    End,
}

impl Subtasks {
    pub(super) fn new(parts: &Parts, kept: &Kept) -> Result<Self, ExecutionError> {
        let mut all = Vec::new();
        for (of, plan) in parts.sources.iter().enumerate() {
            for index in 0..parts.parallelism {
                let kept = kept.subtask(of, index);
                let position = kept.map(|kept| &kept.source);
                all.push(Subtask {
                    of,
                    index,
                    source: plan.connector.source(index, position)?,
                    has_ended: false,
                    watermark: kept.map_or(BEGINNING, |kept| kept.watermark),
                });
            }
        }
        Ok(Self { all, turn: 0 })
    }

    /// Lets subtasks that have nothing to read hold no window open.
    pub(super) fn release_empty(&mut self) {
        for subtask in &mut self.all {
            if subtask.source.is_none() {
                subtask.watermark = END;
            }
        }
    }

    /// A program without subtasks waits: it has no end.
    pub(super) fn next_read(&self) -> NextRead {
        let (mut first, mut waiting) = (None::<(Instant, usize)>, self.all.is_empty());
        for offset in 0..self.all.len() {
            let number = (self.turn + offset) % self.all.len();
            match self.get(number).and_then(Subtask::due) {
                Some(Due::OnCheckpoint) => waiting = true,
                Some(Due::At(due)) if first.is_none_or(|(earliest, _)| due < earliest) => {
                    first = Some((due, number));
                }
                Some(Due::At(_)) | None => {}
            }
        }
        match first {
            Some((due, number)) => NextRead::From(number, due),
            None if waiting => NextRead::OnCheckpoint,
            None => NextRead::End,
        }
    }

    /// A subtask had its turn.
    pub(super) fn had_turn(&mut self, number: usize) {
        self.turn = number + 1;
    }

    pub(super) fn get(&self, number: usize) -> Option<&Subtask> {
        self.all.get(number)
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Subtask> {
        self.all.get_mut(number)
    }

    /// The lowest watermark of the subtasks of these sources, except one.
    pub(super) fn watermark(&self, sources: &BTreeSet<usize>, without: Option<usize>) -> i64 {
        let subtasks = self.all.iter().enumerate();
        let counted = subtasks
            .filter(|(number, subtask)| sources.contains(&subtask.of) && Some(*number) != without);
        counted
            .map(|(_, subtask)| subtask.watermark)
            .min()
            .unwrap_or(END)
    }

    /// The rows that a subtask has skipped, if they are to be reported now.
    pub(super) fn dropped(&mut self, number: usize, parts: &Parts) -> Option<Dropped> {
        let subtask = self.get_mut(number)?;
        let is_end = subtask.has_ended;
        subtask.dropped(parts, is_end)
    }

    /// The rows that subtasks have skipped and that were not reported.
    pub(super) fn all_dropped(&mut self, parts: &Parts) -> Vec<Dropped> {
        let subtasks = self.all.iter_mut();
        subtasks
            .filter_map(|subtask| subtask.dropped(parts, true))
            .collect()
    }

    /// What a subtask has to warn of.
    pub(super) fn notice(&mut self, number: usize) -> Option<String> {
        self.get_mut(number)?.source.as_mut()?.notice()
    }

    /// What a checkpoint keeps, by source.
    pub(super) fn kept(&self, sources: usize) -> Vec<Vec<Option<KeptSubtask>>> {
        let mut kept = vec![Vec::new(); sources];
        for subtask in &self.all {
            if let Some(kept) = kept.get_mut(subtask.of) {
                kept.push(subtask.source.as_ref().map(|source| KeptSubtask {
                    source: source.position(),
                    watermark: subtask.watermark,
                }));
            }
        }
        kept
    }

    /// A checkpoint was taken.
    pub(super) fn checkpointed(&mut self) {
        for subtask in &mut self.all {
            if let Some(source) = &mut subtask.source {
                source.checkpointed();
            }
        }
    }
}

impl Subtask {
    fn dropped(&mut self, parts: &Parts, is_end: bool) -> Option<Dropped> {
        let (rows, error) = self.source.as_mut()?.dropped(is_end)?;
        let name = &parts.sources.get(self.of)?.table.name;
        Some(Dropped {
            operator: format!("source_{name}_{}", self.of),
            rows,
            error,
        })
    }

    fn due(&self) -> Option<Due> {
        self.source
            .as_ref()
            .filter(|_| !self.has_ended)
            .map(|source| source.due())
    }
}

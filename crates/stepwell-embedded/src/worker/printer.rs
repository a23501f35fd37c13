//! The printed rows of a run that are not written yet.

use std::collections::VecDeque;
use std::future;

use stepwell_arroyo::PipelineId;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::sync::watch;

use super::writer::RowWriter;
use crate::run::Printed;

/// The pipelines whose rows go to the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Foreground {
    /// All pipelines.
    All,
    /// Not known yet: all rows are held.
    Undecided,
    /// One pipeline.
    Only(PipelineId),
}

/// The rows of one run that are not known to be written, in order.
#[derive(Debug)]
pub(super) struct Printer {
    pipeline: PipelineId,
    rows: RowWriter,
    foreground: watch::Receiver<Foreground>,
    waiting: VecDeque<Waiting>,
    /// Whether the writer has failed.
    has_failed: bool,
}

#[derive(Debug)]
struct Waiting {
    printed: Printed,
    /// The writer's report, if the rows were handed over.
    answer: Option<oneshot::Receiver<usize>>,
}

impl Printer {
    pub(super) fn new(
        pipeline: PipelineId,
        rows: RowWriter,
        foreground: watch::Receiver<Foreground>,
    ) -> Self {
        Self {
            pipeline,
            rows,
            foreground,
            waiting: VecDeque::new(),
            has_failed: false,
        }
    }

    /// Adds rows, and hands those that are to be shown to the writer. Waits for room there.
    pub(super) async fn print(&mut self, rows: Vec<Printed>) {
        self.take_answers();
        let rows = rows.into_iter().map(|printed| Waiting {
            printed,
            answer: None,
        });
        self.waiting.extend(rows);
        let is_shown = match &*self.foreground.borrow_and_update() {
            Foreground::All => true,
            Foreground::Undecided => return,
            Foreground::Only(pipeline) => *pipeline == self.pipeline,
        };
        if !is_shown {
            self.waiting.clear();
        }
        if self.has_failed {
            return;
        }
        for Waiting { printed, answer } in &mut self.waiting {
            if answer.is_none() {
                *answer = Some(self.rows.hand_over(printed.rows.clone()).await);
            }
        }
    }

    /// Whether there are rows that cannot be handed over now, so that the run should produce no more.
    pub(super) fn is_held(&self) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|waiting| waiting.answer.is_none())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Waits until another pipeline is in the foreground.
    pub(super) async fn decided(&mut self) {
        if self.foreground.changed().await.is_err() {
            // The engine is being dropped, which ends the run.
            future::pending::<()>().await;
        }
    }

    /// Waits for the writer's report on all rows that were handed over. The rows that are left are unwritten.
    pub(super) async fn settle(&mut self) {
        for waiting in &mut self.waiting {
            if let Some(answer) = &mut waiting.answer {
                let written = answer.await.unwrap_or_default();
                self.has_failed |= waiting.is_left_after(written);
            }
        }
        self.forget_written();
    }

    /// The unwritten rows, after [`settle`](Self::settle).
    pub(super) fn unwritten(&self) -> Vec<Printed> {
        let waiting = self.waiting.iter();
        waiting.map(|waiting| waiting.printed.clone()).collect()
    }

    /// Applies the reports that have arrived.
    fn take_answers(&mut self) {
        for waiting in &mut self.waiting {
            let written = match waiting.answer.as_mut().map(oneshot::Receiver::try_recv) {
                Some(Ok(written)) => written,
                Some(Err(TryRecvError::Closed)) => 0,
                Some(Err(TryRecvError::Empty)) | None => continue,
            };
            self.has_failed |= waiting.is_left_after(written);
        }
        self.forget_written();
    }

    fn forget_written(&mut self) {
        self.waiting
            .retain(|waiting| waiting.printed.rows.count() > 0);
    }
}

impl Waiting {
    /// Removes the rows that were written; returns whether any are left.
    fn is_left_after(&mut self, written: usize) -> bool {
        self.answer = None;
        self.printed.rows = self.printed.rows.after(written);
        self.printed.rows.count() > 0
    }
}

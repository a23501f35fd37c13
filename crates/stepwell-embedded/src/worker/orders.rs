//! The orders to one run.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::reporter::End;

/// An order to a run. A run whose orders have no sender any more ends without a report.
#[derive(Debug)]
pub(super) enum Control {
    /// Take a checkpoint; if `stopping`, end with it.
    Checkpoint { epoch: u64, stopping: bool },
    /// End at once.
    Stop,
}

/// The orders in their order. A stop can be obeyed before its turn.
#[derive(Debug)]
pub(super) struct Orders {
    received: mpsc::UnboundedReceiver<Control>,
    /// Orders that were received while the run waited for a stop.
    waiting: VecDeque<Control>,
}

impl Orders {
    pub(super) fn new(received: mpsc::UnboundedReceiver<Control>) -> Self {
        Self {
            received,
            waiting: VecDeque::new(),
        }
    }

    /// The next order; `None`: there is no sender any more.
    ///
    /// Cancel safe: a call that is dropped has taken nothing.
    pub(super) async fn next(&mut self) -> Option<Control> {
        match self.waiting.pop_front() {
            Some(control) => Some(control),
            None => self.received.recv().await,
        }
    }

    /// Waits for the order to end at once. Other orders wait for their turn.
    pub(super) async fn end_without_checkpoint(&mut self) -> End {
        loop {
            match self.received.recv().await {
                Some(Control::Stop) => return End::Stopped,
                Some(checkpoint) => self.waiting.push_back(checkpoint),
                None => return End::Abandoned,
            }
        }
    }
}

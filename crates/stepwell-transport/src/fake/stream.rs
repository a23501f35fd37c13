use std::{collections::VecDeque, future::pending};

use bytes::Bytes;
use tokio::time::Instant;

use super::{failure, script::Step};
use crate::{Phase, Pieces, TransportError};

/// A streamed body as the script has it.
pub(super) struct Scripted {
    steps: VecDeque<Step>,
    /// When the pause under way is over. Kept, so that a call that is dropped during it does not begin it anew.
    paused_until: Option<Instant>,
}

impl Scripted {
    pub(super) fn new(body: Bytes, stream: Vec<Step>) -> Self {
        let mut steps = VecDeque::from(stream);
        steps.push_front(Step::Piece(body));
        Self {
            steps,
            paused_until: None,
        }
    }
}

impl Pieces for Scripted {
    async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            match self.steps.front() {
                None => return Ok(None),
                Some(Step::Hang) => return pending().await,
                Some(Step::Pause(pause)) => {
                    let pause = *pause;
                    let until = *self
                        .paused_until
                        .get_or_insert_with(|| Instant::now() + pause);
                    tokio::time::sleep_until(until).await;
                    self.paused_until = None;
                }
                Some(Step::Fail(kind)) => return Err(failure(*kind, Phase::Responded)),
                Some(Step::Piece(_)) => {}
            }
            if let Some(Step::Piece(piece)) = self.steps.pop_front() {
                return Ok(Some(piece));
            }
        }
    }
}

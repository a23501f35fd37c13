use std::{collections::VecDeque, future::pending};

use bytes::Bytes;
use tokio::time::Instant;

use super::script::Step;
use crate::{Phase, Pieces, TransportError, TransportErrorKind};

/// A streamed body that follows the script.
pub(super) struct ScriptedBody {
    steps: VecDeque<Step>,
    /// The end of the current pause. It is kept here so that the pause does not start again if the call is dropped.
    paused_until: Option<Instant>,
}

impl ScriptedBody {
    pub(super) fn new(body: Bytes, stream: Vec<Step>) -> Self {
        let mut steps = VecDeque::from(stream);
        steps.push_front(Step::Piece(body));
        Self {
            steps,
            paused_until: None,
        }
    }
}

impl Pieces for ScriptedBody {
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

/// The error of a scripted failure.
pub(super) fn failure(kind: TransportErrorKind, phase: Phase) -> TransportError {
    let message = format!("the fake fails here: {kind:?}, {phase:?}");
    TransportError::new(kind, phase, message)
}

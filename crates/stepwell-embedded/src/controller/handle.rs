//! Messages to the controller's thread, and the orders that come from it.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;

use bytes::Bytes;
use http::{Request, Response};
use stepwell_arroyo::JobId;
use stepwell_control_plane::{Command, WorkerEvent};
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::store::{NewCheckpoint, Restored};

/// An order for the supervisor of the workers.
pub(crate) struct Order {
    pub(crate) command: Command,
    /// For a start from a checkpoint: what the store has of it.
    pub(crate) restored: Option<Result<Restored, EngineError>>,
}

pub(super) enum Message {
    Request {
        request: Request<Bytes>,
        reply: oneshot::Sender<Response<Bytes>>,
    },
    Event {
        event: WorkerEvent,
        checkpoint: Option<NewCheckpoint>,
    },
    CheckpointSizes {
        job: JobId,
        sizes: oneshot::Sender<BTreeMap<u64, u64>>,
    },
    Tick,
    Close {
        closed: Option<oneshot::Sender<Result<(), EngineError>>>,
    },
}

/// A handle on the controller's thread. Messages to a controller that has ended are dropped.
#[derive(Clone, Debug)]
pub(crate) struct Controller {
    messages: Sender<Message>,
}

impl Controller {
    pub(super) fn new(messages: Sender<Message>) -> Self {
        Self { messages }
    }

    /// Answers a request of the API. `None`: the controller has ended.
    pub(crate) async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Request { request, reply });
        answer.await.ok()
    }

    /// The sizes of a job's checkpoints in bytes, by epoch. `None`: reading the store failed, or the controller has ended.
    pub(crate) async fn checkpoint_sizes(&self, job: &JobId) -> Option<BTreeMap<u64, u64>> {
        let (sizes, answer) = oneshot::channel();
        let job = job.clone();
        self.send(Message::CheckpointSizes { job, sizes });
        answer.await.ok()
    }

    /// Reports what happened to a worker.
    pub(crate) fn notify(&self, event: WorkerEvent) {
        self.send(Message::Event {
            event,
            checkpoint: None,
        });
    }

    /// Reports a checkpoint together with its state, so that one transaction writes both.
    pub(crate) fn notify_checkpoint(&self, event: WorkerEvent, checkpoint: NewCheckpoint) {
        self.send(Message::Event {
            event,
            checkpoint: Some(checkpoint),
        });
    }

    /// Has the control plane look at all jobs, as it does regularly.
    pub(crate) fn tick(&self) {
        self.send(Message::Tick);
    }

    pub(super) fn send(&self, message: Message) {
        // If the controller has ended, the channel for the answer is closed.
        let _ = self.messages.send(message);
    }
}

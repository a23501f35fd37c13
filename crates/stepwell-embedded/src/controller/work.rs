//! The loop of the controller's thread.

use std::iter;
use std::sync::mpsc::Receiver;

use bytes::Bytes;
use http::{Response, StatusCode};
use stepwell_control_plane::{Command, WorkerEvent};
use tokio::sync::{mpsc as asynchronous, oneshot, watch};

use super::core::Core;
use super::handle::{Message, Order};
use super::unsaved::{SaveFailure, Unsaved, with_causes};
use crate::error::EngineError;
use crate::server::ErrorReply;
use crate::store::NewCheckpoint;
use crate::worker::JobCounters;

/// How many messages are handled with one commit.
const BATCH_LIMIT: usize = 256;

type Closed = Option<oneshot::Sender<Result<(), EngineError>>>;

/// The state of the loop.
pub(super) struct Work {
    core: Core,
    orders: asynchronous::UnboundedSender<Order>,
    counters: JobCounters,
    /// Whether all jobs stay as they are, except those that are told to stop.
    idle: bool,
    unsaved: Unsaved,
}

/// What one batch of messages leaves to do after its commit.
#[derive(Default)]
struct Batch {
    replies: Vec<(oneshot::Sender<Response<Bytes>>, Response<Bytes>)>,
    /// Whether the jobs are to be looked at before the commit.
    tick: bool,
    close: Option<Closed>,
}

impl Work {
    pub(super) fn new(
        core: Core,
        orders: asynchronous::UnboundedSender<Order>,
        counters: JobCounters,
        idle: bool,
        failure: watch::Sender<SaveFailure>,
    ) -> Self {
        Self {
            core,
            orders,
            counters,
            idle,
            unsaved: Unsaved::new(failure),
        }
    }

    pub(super) fn run(mut self, waiting: &Receiver<Message>) {
        // Before the first answer, so that no reply calls a job Running that ran only before the restart. If it cannot be saved, the next
        // batch tries again.
        self.tick();
        let _ = self.save();
        while let Ok(first) = waiting.recv() {
            let mut batch = Batch::default();
            for message in iter::once(first).chain(waiting.try_iter().take(BATCH_LIMIT)) {
                self.handle(message, &mut batch);
                if batch.close.is_some() {
                    break;
                }
            }
            // A tick moves jobs on, and at the close the workers are about to end.
            if batch.tick && batch.close.is_none() {
                self.tick();
            }
            let saved = self.save();
            for (reply, response) in batch.replies {
                let response = saved.as_ref().map_or_else(not_saved, |()| response);
                // The client may have gone.
                let _ = reply.send(response);
            }
            if let Some(closed) = batch.close {
                self.close(closed, saved);
                return;
            }
        }
    }

    fn handle(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Request { request, reply } => {
                let response = self.core.plane.handle(&mut self.core.environment, &request);
                batch.replies.push((reply, response));
                // A change is acted on at once rather than at the next regular tick.
                batch.tick |= self.collect_changes();
            }
            Message::Event { event, checkpoint } => {
                batch.tick |= self.take_in(event, checkpoint);
            }
            Message::CheckpointSizes { job, sizes } => {
                if let Ok(found) = self.core.store.checkpoint_sizes(job.as_str()) {
                    // The client may have gone.
                    let _ = sizes.send(found);
                }
            }
            Message::Tick => batch.tick = true,
            Message::Close { closed } => batch.close = Some(closed),
        }
    }

    /// Hands an event of a worker to the control plane; returns whether it changed anything.
    fn take_in(&mut self, event: WorkerEvent, checkpoint: Option<NewCheckpoint>) -> bool {
        self.core.plane.notify(&mut self.core.environment, event);
        let has_changed = self.collect_changes();
        // A checkpoint of a run that is over, or of a job that is gone, changes nothing and is not kept.
        if has_changed && let Some(checkpoint) = checkpoint {
            self.unsaved.add_checkpoint(checkpoint);
        }
        has_changed
    }

    fn tick(&mut self) {
        let (plane, environment) = (&mut self.core.plane, &mut self.core.environment);
        let commands = if self.idle {
            plane.tick_stops(environment)
        } else {
            plane.tick(environment)
        };
        self.collect_changes();
        for command in &commands {
            if let Command::Forget { job } = command {
                self.counters.forget(job);
            }
        }
        self.unsaved.add_commands(commands);
    }

    /// Collects what has changed since the last call; returns whether anything has.
    fn collect_changes(&mut self) -> bool {
        self.unsaved.add_changes(self.core.plane.take_changes())
    }

    /// Makes the changes durable, and then orders what depends on them.
    fn save(&mut self) -> Result<(), EngineError> {
        for command in self.unsaved.save(&mut self.core.store)? {
            let restored = match &command {
                Command::Start {
                    job,
                    restore: Some(epoch),
                    ..
                } => Some(self.core.store.restore(job.as_str(), *epoch)),
                _ => None,
            };
            // Without a supervisor the engine is about to end.
            let _ = self.orders.send(Order { command, restored });
        }
        Ok(())
    }

    fn close(self, closed: Closed, saved: Result<(), EngineError>) {
        let Core {
            store, directory, ..
        } = self.core;
        let result = saved.and(store.close());
        drop(directory);
        if let Some(closed) = closed {
            // The caller may have stopped waiting.
            let _ = closed.send(result);
        }
    }
}

/// The reply if the change that it would have reported could not be made durable.
fn not_saved(error: &EngineError) -> Response<Bytes> {
    let text = with_causes(error);
    ErrorReply::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("the engine could not save its state: {text}"),
    )
    .into_response()
}

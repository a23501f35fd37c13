//! The controller: one thread that owns the control plane and the store, and handles what comes one after the other.
//!
//! A thread of its own, because planning a query and committing to SQLite block. All that has come in while it was busy is
//! handled as one batch with one commit; replies leave, and workers are told, after the commit. When a commit fails, the
//! replies of its batch become errors, and its changes are tried again with the next batch: until they are durable,
//! nothing that rests on them is told to anybody.

use std::collections::BTreeMap;
use std::iter;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use snafu::ResultExt as _;
use stepwell_arroyo::{JobId, PipelineId};
use stepwell_control_plane::{Changes, Command, ControlPlane, Options, Record, WorkerEvent};
use tokio::sync::{mpsc as asynchronous, oneshot};

use crate::counters::JobCounters;
use crate::directory::StateDirectory;
use crate::engine::{MAX_PARALLELISM, ResumedPipeline};
use crate::environment::EngineEnvironment;
use crate::error::{EngineError, ThreadSnafu};
use crate::planner::Planner;
use crate::server::Refusal;
use crate::store::{Batch, NewCheckpoint, Restored, Store};

/// How many messages are handled with one commit.
const BATCH_LIMIT: usize = 256;

/// What the controller tells the workers' supervisor.
pub(crate) struct Order {
    pub(crate) command: Command,
    /// For a start from a checkpoint: what the store has of it.
    pub(crate) restored: Option<Result<Restored, EngineError>>,
}

enum Message {
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
    Look,
    Close {
        closed: Option<oneshot::Sender<Result<(), EngineError>>>,
    },
}

/// A handle on the controller's thread. What is sent to a controller that has ended goes nowhere.
#[derive(Clone, Debug)]
pub(crate) struct Controller {
    messages: Sender<Message>,
}

impl Controller {
    /// Has a request answered. `None`: the controller has ended.
    pub(crate) async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Request { request, reply });
        answer.await.ok()
    }

    /// How many bytes the checkpoints of a job have, by epoch. `None`: the store cannot say, or the controller has ended.
    pub(crate) async fn checkpoint_sizes(&self, job: &JobId) -> Option<BTreeMap<u64, u64>> {
        let (sizes, answer) = oneshot::channel();
        let job = job.clone();
        self.send(Message::CheckpointSizes { job, sizes });
        answer.await.ok()
    }

    /// Tells what happened to a worker.
    pub(crate) fn notify(&self, event: WorkerEvent) {
        self.send(Message::Event {
            event,
            checkpoint: None,
        });
    }

    /// Tells that a checkpoint was made, with the checkpoint, so that both are written in one transaction.
    pub(crate) fn notify_checkpoint(&self, event: WorkerEvent, checkpoint: NewCheckpoint) {
        self.send(Message::Event {
            event,
            checkpoint: Some(checkpoint),
        });
    }

    /// Has the controller look at all jobs, as it does regularly.
    pub(crate) fn look(&self) {
        self.send(Message::Look);
    }

    fn send(&self, message: Message) {
        // Whoever waits for an answer learns of the end by the other end of its channel.
        let _ = self.messages.send(message);
    }
}

/// The thread; dropped, it ends in the background.
#[derive(Debug)]
pub(crate) struct ControllerThread {
    controller: Controller,
}

impl ControllerThread {
    pub(crate) fn handle(&self) -> Controller {
        self.controller.clone()
    }

    /// Ends the thread, with all that was sent before written; the lock on the directory is released by then.
    pub(crate) async fn close(self) -> Result<(), EngineError> {
        let (closed, answer) = oneshot::channel();
        self.controller.send(Message::Close {
            closed: Some(closed),
        });
        answer.await.unwrap_or(Err(EngineError::ControllerGone))
    }
}

impl Drop for ControllerThread {
    fn drop(&mut self) {
        self.controller.send(Message::Close { closed: None });
    }
}

/// What the thread owns.
#[derive(Debug)]
pub(crate) struct Core {
    plane: ControlPlane,
    environment: EngineEnvironment,
    store: Store,
    /// Held for its lock.
    directory: StateDirectory,
}

impl Core {
    /// Locks the state directory and reads what is in it; blocks.
    pub(crate) fn open(path: &Path, mut options: Options) -> Result<Self, EngineError> {
        let directory = StateDirectory::open(path)?;
        let store = Store::open(directory.path())?;
        let records = store
            .records()?
            .iter()
            .map(|(id, body)| decode(&store, id, body))
            .collect::<Result<_, _>>()?;
        options.most_subtasks = Some(MAX_PARALLELISM);
        // Finer than on SQLite, so that no pipeline is skipped where a list is cut into pages.
        options.created_at_resolution = Duration::from_micros(1);
        // There would be nothing to look at.
        options.previews = false;
        let environment = EngineEnvironment::new(Planner::default());
        Ok(Self {
            plane: ControlPlane::restore(options, records),
            environment,
            store,
            directory,
        })
    }

    pub(crate) fn planner(&self) -> Planner {
        self.environment.planner().clone()
    }

    /// The pipelines that the start sets going again.
    pub(crate) fn going(&self) -> Vec<ResumedPipeline> {
        let going = self.plane.records().filter(|record| record.is_going());
        going
            .map(|record| ResumedPipeline {
                id: record.id().clone(),
                name: record.name().to_owned(),
            })
            .collect()
    }

    /// Starts the thread. Orders to workers come out of the other end of `orders`, which closes when the thread ends.
    pub(crate) fn start(
        self,
        orders: asynchronous::UnboundedSender<Order>,
        counters: JobCounters,
        idle: bool,
    ) -> Result<ControllerThread, EngineError> {
        let (messages, waiting) = mpsc::channel();
        let work = Work {
            core: self,
            orders,
            counters,
            idle,
            records: BTreeMap::new(),
            batch: Batch::default(),
            commands: Vec::new(),
            failing: false,
        };
        thread::Builder::new()
            .name("stepwell-controller".to_owned())
            .spawn(move || work.run(&waiting))
            .context(ThreadSnafu)?;
        Ok(ControllerThread {
            controller: Controller { messages },
        })
    }
}

/// The thread at work.
struct Work {
    core: Core,
    orders: asynchronous::UnboundedSender<Order>,
    counters: JobCounters,
    /// Whether all jobs stay as they are.
    idle: bool,
    /// Records that have changed, or are gone, and are not durable yet.
    records: BTreeMap<PipelineId, Option<Record>>,
    /// What else is not durable yet.
    batch: Batch,
    /// Commands that rest on what is not durable yet.
    commands: Vec<Command>,
    /// Whether the last try to save failed.
    failing: bool,
}

impl Work {
    fn run(mut self, waiting: &Receiver<Message>) {
        // Before the first answer, so that nobody is told that what ran before the restart is running. Should it not be
        // saved, it is tried again.
        self.look();
        let _ = self.save();
        while let Ok(first) = waiting.recv() {
            let mut replies = Vec::new();
            let mut close = None;
            let mut look = false;
            for message in iter::once(first).chain(waiting.try_iter().take(BATCH_LIMIT)) {
                match message {
                    Message::Request { request, reply } => {
                        replies.push((
                            reply,
                            self.core.plane.handle(&mut self.core.environment, &request),
                        ));
                        // What was changed is acted on at once rather than at the next regular look.
                        look |= self.collect_changes();
                    }
                    Message::Event { event, checkpoint } => look |= self.take_in(event, checkpoint),
                    Message::CheckpointSizes { job, sizes } => {
                        if let Ok(found) = self.core.store.checkpoint_sizes(job.as_str()) {
                            // Whoever asked may have gone.
                            let _ = sizes.send(found);
                        }
                    }
                    Message::Look => look = true,
                    Message::Close { closed } => {
                        close = Some(closed);
                        break;
                    }
                }
            }
            // A look moves jobs on, and workers are about to end.
            if look && close.is_none() {
                self.look();
            }
            let saved = self.save();
            for (reply, response) in replies {
                let response = saved.as_ref().map_or_else(not_saved, |()| response);
                // A client that has gone does not want it any more.
                let _ = reply.send(response);
            }
            if let Some(closed) = close {
                self.close(closed, saved);
                return;
            }
        }
    }

    /// Takes in what happened to a worker; whether it was news.
    fn take_in(&mut self, event: WorkerEvent, checkpoint: Option<NewCheckpoint>) -> bool {
        self.core.plane.notify(&mut self.core.environment, event);
        let is_news = self.collect_changes();
        // A checkpoint of a run that is over, or of a job that is gone, is not.
        if is_news {
            self.batch.checkpoints.extend(checkpoint);
        }
        is_news
    }

    fn look(&mut self) {
        if self.idle {
            return;
        }
        let commands = self.core.plane.tick(&mut self.core.environment);
        self.collect_changes();
        for command in &commands {
            if let Command::Forget { job } = command {
                self.counters.forget(job);
            }
            if let Command::Start {
                job, restore: None, ..
            }
            | Command::Forget { job } = command
            {
                self.batch.forgotten_jobs.push(job.as_str().to_owned());
            }
        }
        self.commands.extend(commands);
    }

    /// Notes what has changed since the last time; whether anything has.
    fn collect_changes(&mut self) -> bool {
        let Changes {
            upserts, deleted, ..
        } = self.core.plane.take_changes();
        let changed = !(upserts.is_empty() && deleted.is_empty());
        self.records
            .extend(deleted.into_iter().map(|id| (id, None)));
        self.records.extend(
            upserts
                .into_iter()
                .map(|record| (record.id().clone(), Some(record))),
        );
        changed
    }

    /// Makes what has changed durable, and then tells the workers.
    fn save(&mut self) -> Result<(), EngineError> {
        let saved = self.write();
        // Said once, and not at every try.
        match (&saved, self.failing) {
            (Err(error), false) => {
                let error = error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "saving failed; it is tried again, and requests are refused until then"
                );
            }
            (Ok(()), true) => tracing::info!("saving succeeded again"),
            _ => {}
        }
        self.failing = saved.is_err();
        saved?;
        for command in std::mem::take(&mut self.commands) {
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

    fn write(&mut self) -> Result<(), EngineError> {
        for (id, record) in &self.records {
            let body = record
                .as_ref()
                .map(|record| encode(&self.core.store, record))
                .transpose()?;
            self.batch.records.insert(id.as_str().to_owned(), body);
        }
        self.core.store.commit(&self.batch)?;
        self.records.clear();
        self.batch = Batch::default();
        Ok(())
    }

    fn close(
        self,
        closed: Option<oneshot::Sender<Result<(), EngineError>>>,
        saved: Result<(), EngineError>,
    ) {
        let Core {
            store, directory, ..
        } = self.core;
        let result = saved.and(store.close());
        drop(directory);
        if let Some(closed) = closed {
            // Whoever asked may have stopped waiting.
            let _ = closed.send(result);
        }
    }
}

fn encode(store: &Store, record: &Record) -> Result<Vec<u8>, EngineError> {
    serde_json::to_vec(record).map_err(|error| EngineError::Database {
        operation: "encoding a record for",
        path: store.path().to_owned(),
        source: Box::new(error),
    })
}

fn decode(store: &Store, id: &str, body: &[u8]) -> Result<Record, EngineError> {
    serde_json::from_slice(body).map_err(|error| {
        // Not the error's own text, which quotes what it found: that can be a part of a query.
        store.damaged(format!(
            "the record of pipeline {id:?} cannot be read at its byte {}",
            error.column()
        ))
    })
}

/// The reply when the change that it would have reported could not be made durable.
fn not_saved(error: &EngineError) -> Response<Bytes> {
    let causes = iter::successors(std::error::Error::source(error), |error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("the engine could not save its state: {text}"),
    )
    .into_response()
}

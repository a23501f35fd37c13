//! A worker: one run of a job, from start to end, and what it tells the controller.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stepwell_arroyo::{ErrorDomain, JobId, PipelineId};
use stepwell_control_plane::WorkerEvent;
use tokio::sync::{mpsc, watch};
use tokio::{task, time};

use super::counters::{Counters, JobCounters};
use super::outputs::{JobOutputs, RunOutput};
use super::printer::{Foreground, Printer};
use super::writer::RowWriter;
use crate::controller::Controller;
use crate::error::EngineError;
use crate::format::JsonRows;
use crate::limits::MAX_PARALLELISM;
use crate::plan::Planner;
use crate::run::{Dropped, Execution, ExecutionError, Output, Program};
use crate::store::{NewCheckpoint, Restored};

/// The pause between rows that an earlier run could not write and those that follow. A reader that takes what there is, as `head -1`
/// does, would else have a row in hand that it does not show.
const APART: Duration = Duration::from_millis(50);

/// What a run can be told. When nobody is left to tell it anything it ends without a word.
#[derive(Debug)]
pub(super) enum Control {
    /// Take a checkpoint; `stopping`: and end with it.
    Checkpoint { epoch: u64, stopping: bool },
    /// End as it is.
    Stop,
}

/// What all workers share.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    pub(crate) controller: Controller,
    pub(crate) planner: Planner,
    pub(crate) rows: RowWriter,
    pub(crate) foreground: watch::Receiver<Foreground>,
    pub(crate) outputs: JobOutputs,
    pub(crate) counters: JobCounters,
}

pub(super) struct Worker {
    pub(super) pipeline: PipelineId,
    pub(super) job: JobId,
    pub(super) run_id: u64,
    pub(super) parallelism: u32,
    pub(super) query: String,
    /// What the store has of the checkpoint to start from; `None`: start from the beginning.
    pub(super) restored: Option<Result<Restored, EngineError>>,
    pub(super) workers: Workers,
    pub(super) counters: Arc<Counters>,
}

/// How a run ended.
enum End {
    Finished,
    Stopped,
    /// There is nobody to tell.
    Abandoned,
}

impl Worker {
    /// Runs to the end, and tells the controller of it.
    pub(super) async fn go(mut self, mut orders: mpsc::UnboundedReceiver<Control>) {
        let _panic = PanicTeller {
            controller: self.workers.controller.clone(),
            job: self.job.clone(),
            run_id: self.run_id,
        };
        let (tasks, mut execution) = match self.prepare().await {
            Ok(prepared) => prepared,
            Err(error) => return self.workers.controller.notify(self.failed(error)),
        };
        // From before it is said to be running, for who asks for its rows then.
        let followed = self.workers.outputs.begin(&self.job);
        self.workers.controller.notify(WorkerEvent::Started {
            job: self.job.clone(),
            run_id: self.run_id,
            tasks,
        });
        let mut printer = Printer::new(
            self.pipeline.clone(),
            self.workers.rows.clone(),
            self.workers.foreground.clone(),
        );
        let end = self
            .follow(&mut execution, &mut orders, &followed, &mut printer)
            .await;
        // Nothing of this run is left when it is told to have ended: the next one opens the same files.
        drop((execution, followed));
        let (job, run_id) = (self.job.clone(), self.run_id);
        self.workers.controller.notify(match end {
            Ok(End::Finished) => WorkerEvent::Finished { job, run_id },
            Ok(End::Stopped) => WorkerEvent::Stopped { job, run_id },
            Ok(End::Abandoned) => return,
            Err(error) => self.failed(error),
        });
    }

    async fn follow(
        &self,
        execution: &mut Execution,
        orders: &mut mpsc::UnboundedReceiver<Control>,
        followed: &RunOutput,
        printer: &mut Printer,
    ) -> Result<End, ExecutionError> {
        let mut waiting = VecDeque::new();
        // Rows that the previous run could not write come first.
        let mut output = Output {
            printed: mem::take(&mut execution.unwritten),
            ..Output::default()
        };
        let mut is_apart = output.printed.is_empty();
        loop {
            followed.publish(output.subtask, &previewed(&output));
            self.tell_of_dropped(&mut output);
            tokio::select! {
                () = printer.print(output.printed) => {}
                // Rows that nobody reads hold a checkpoint up, but not a stop without one.
                end = end_without_checkpoint(orders, &mut waiting) => return Ok(end),
            }
            output = Output::default();
            let is_held = printer.is_held();
            let control = match waiting.pop_front() {
                Some(control) => Some(control),
                None => tokio::select! {
                    biased;
                    control = orders.recv() => control,
                    () = printer.decided(), if is_held => continue,
                    () = time::sleep(APART), if !is_held && !is_apart => {
                        is_apart = true;
                        continue;
                    }
                    next = execution.next(), if !is_held && is_apart => match next? {
                        Some(next) => {
                            self.counters.take_in(next.rows_in);
                            self.counters.give_out(next.rows_out);
                            output = next;
                            continue;
                        }
                        None => {
                            let finished = tokio::select! {
                                finished = finish(execution, printer) => finished?,
                                end = end_without_checkpoint(orders, &mut waiting) => return Ok(end),
                            };
                            if finished {
                                return Ok(End::Finished);
                            }
                            // Rows are left that could not be written: the run is held.
                            continue;
                        }
                    },
                },
            };
            match control {
                Some(Control::Checkpoint { epoch, stopping }) => {
                    let state = tokio::select! {
                        state = checkpoint(execution, printer) => state?,
                        end = end_without_checkpoint(orders, &mut waiting) => return Ok(end),
                    };
                    let job = self.job.clone();
                    self.workers.controller.notify_checkpoint(
                        WorkerEvent::CheckpointStored {
                            job,
                            run_id: self.run_id,
                            epoch,
                        },
                        NewCheckpoint {
                            job: self.job.as_str().to_owned(),
                            epoch,
                            state,
                        },
                    );
                    if stopping {
                        return Ok(End::Stopped);
                    }
                }
                Some(Control::Stop) => return Ok(End::Stopped),
                None => return Ok(End::Abandoned),
            }
        }
    }

    fn tell_of_dropped(&self, output: &mut Output) {
        if let Some(Dropped {
            operator,
            rows,
            error,
        }) = output.dropped.take()
        {
            self.workers.controller.notify(WorkerEvent::DataDropped {
                job: self.job.clone(),
                run_id: self.run_id,
                operator,
                rows,
                error,
            });
        }
    }

    /// Plans the query and sets up a run of it with what it had come to; with the number of its tasks.
    async fn prepare(&mut self) -> Result<(u64, Execution), ExecutionError> {
        // The store of another version may contain more.
        if self.parallelism > MAX_PARALLELISM {
            return Err(ExecutionError::too_many_subtasks(self.parallelism));
        }
        let state = match self.restored.take() {
            None => None,
            Some(restored) => Some(self.state(restored)?),
        };
        let (planner, query, parallelism) = (
            self.workers.planner.clone(),
            self.query.clone(),
            self.parallelism,
        );
        let plan = task::spawn_blocking(move || planner.plan(&query, parallelism))
            .await
            .map_err(|_| ExecutionError::internal("the planner ended unexpectedly".to_owned()))?
            .map_err(|diagnostics| {
                let messages: Vec<_> = diagnostics
                    .into_iter()
                    .map(|diagnostic| diagnostic.message)
                    .collect();
                ExecutionError::internal(format!(
                    "this version cannot plan the query: {}",
                    messages.join("; ")
                ))
            })?;
        let program: Program = plan.program;
        Ok((program.tasks(), program.execute(state.as_deref())?))
    }

    fn state(
        &self,
        restored: Result<Restored, EngineError>,
    ) -> Result<Vec<Vec<u8>>, ExecutionError> {
        let Restored {
            checkpoint,
            damaged,
        } = restored.map_err(|error| {
            ExecutionError::internal(format!("reading the checkpoint failed: {error}"))
        })?;
        let Some(checkpoint) = checkpoint else {
            return Err(ExecutionError::internal(format!(
                "no checkpoint of the job can be read (damaged: {damaged:?}); with another state directory the query \
                 begins from the beginning"
            )));
        };
        if !damaged.is_empty() {
            tracing::warn!(
                job = self.job.as_str(),
                ?damaged,
                epoch = checkpoint.epoch,
                "the newest checkpoints are damaged; going on from the one before: what was printed since is printed once more"
            );
        }
        Ok(checkpoint.state)
    }

    fn failed(&self, error: ExecutionError) -> WorkerEvent {
        let ExecutionError {
            error,
            domain,
            retryable,
            ..
        } = error;
        WorkerEvent::Failed {
            job: self.job.clone(),
            run_id: self.run_id,
            error,
            domain,
            retryable,
        }
    }
}

/// Tells the controller of a run that ends with a panic: a function of SQL can have a fault that a value shows, and a job that nobody
/// runs must not be said to be running.
struct PanicTeller {
    controller: Controller,
    job: JobId,
    run_id: u64,
}

impl Drop for PanicTeller {
    fn drop(&mut self) {
        if thread::panicking() {
            self.controller.notify(WorkerEvent::Failed {
                job: self.job.clone(),
                run_id: self.run_id,
                error: "the embedded engine has a fault that this query or its data show"
                    .to_owned(),
                domain: ErrorDomain::Internal,
                retryable: false,
            });
        }
    }
}

/// Waits for the order to end. Others wait in turn.
async fn end_without_checkpoint(
    orders: &mut mpsc::UnboundedReceiver<Control>,
    waiting: &mut VecDeque<Control>,
) -> End {
    loop {
        match orders.recv().await {
            Some(Control::Stop) => return End::Stopped,
            Some(checkpoint) => waiting.push_back(checkpoint),
            None => return End::Abandoned,
        }
    }
}

/// Takes a checkpoint, which contains the rows that are not written.
async fn checkpoint(
    execution: &mut Execution,
    printer: &mut Printer,
) -> Result<Vec<Vec<u8>>, ExecutionError> {
    printer.settle().await;
    execution.unwritten = printer.unwritten();
    execution.checkpoint().await
}

/// Waits until all rows are written and durable; `false` if some could not be written.
async fn finish(execution: &mut Execution, printer: &mut Printer) -> Result<bool, ExecutionError> {
    printer.settle().await;
    if !printer.is_empty() {
        return Ok(false);
    }
    execution.sync().await?;
    Ok(true)
}

fn previewed(output: &Output) -> Vec<JsonRows> {
    let printed = output.printed.iter();
    let previewed = printed.filter(|printed| printed.is_preview);
    previewed.map(|printed| printed.rows.clone()).collect()
}

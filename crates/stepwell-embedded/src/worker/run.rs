//! A worker: one run of a job, its subtasks from start to end, and what it tells the controller.

use std::collections::VecDeque;

use stepwell_arroyo::{ErrorDomain, JobId};
use stepwell_control_plane::WorkerEvent;
use tokio::sync::mpsc;
use tokio::task;

use super::team::Team;
use crate::controller::Controller;
use crate::error::EngineError;
use crate::planner::Planner;
use crate::rows::Rows;
use crate::sql::{ExecutionError, Program, Subtask};
use crate::store::{NewCheckpoint, Restored};

/// What a run can be told. When nobody is left to tell it anything it ends without a word.
#[derive(Debug)]
pub(super) enum Control {
    /// Take a checkpoint; `stopping`: and end with it.
    Checkpoint { epoch: u64, stopping: bool },
    /// End as it is.
    Stop,
}

pub(super) struct Worker {
    pub(super) job: JobId,
    pub(super) run_id: u64,
    pub(super) parallelism: u32,
    pub(super) query: String,
    /// What the store has of the checkpoint to start from; `None`: start from the beginning.
    pub(super) restored: Option<Result<Restored, EngineError>>,
    pub(super) controller: Controller,
    pub(super) planner: Planner,
    pub(super) rows: Rows,
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
        let subtasks = match self.prepare().await {
            Ok(subtasks) => subtasks,
            Err(error) => return self.controller.notify(self.failed(error)),
        };
        let mut team = Team::start(subtasks, &self.rows.of_run(&self.job));
        self.controller.notify(WorkerEvent::Started {
            job: self.job.clone(),
            run_id: self.run_id,
            tasks: Program::tasks_per_subtask() * u64::from(self.parallelism),
        });
        let end = self.follow(&mut team, &mut orders).await;
        // No row comes from this run after it is told to have ended.
        team.dissolve().await;
        let (job, run_id) = (self.job.clone(), self.run_id);
        self.controller.notify(match end {
            Ok(End::Finished) => WorkerEvent::Finished { job, run_id },
            Ok(End::Stopped) => WorkerEvent::Stopped { job, run_id },
            Ok(End::Abandoned) => return,
            Err(error) => self.failed(error),
        });
    }

    async fn follow(
        &self,
        team: &mut Team,
        orders: &mut mpsc::UnboundedReceiver<Control>,
    ) -> Result<End, ExecutionError> {
        let mut waiting = VecDeque::new();
        loop {
            let control = match waiting.pop_front() {
                Some(control) => Some(control),
                None => tokio::select! {
                    control = orders.recv() => control,
                    finished = team.finished() => return finished.map(|()| End::Finished),
                },
            };
            match control {
                Some(Control::Checkpoint { epoch, stopping }) => {
                    let subtasks = tokio::select! {
                        subtasks = team.checkpoint(stopping) => subtasks?,
                        // Rows that nobody reads hold a checkpoint up, but not a stop without one.
                        end = end_without_checkpoint(orders, &mut waiting) => return Ok(end),
                    };
                    let job = self.job.clone();
                    self.controller.notify_checkpoint(
                        WorkerEvent::CheckpointStored {
                            job,
                            run_id: self.run_id,
                            epoch,
                        },
                        NewCheckpoint {
                            job: self.job.as_str().to_owned(),
                            epoch,
                            subtasks,
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

    /// Plans the query and sets up its subtasks with what they had come to.
    async fn prepare(&mut self) -> Result<Vec<Subtask>, ExecutionError> {
        let states = match self.restored.take() {
            None => Vec::new(),
            Some(restored) => self.states(restored)?,
        };
        let (planner, query, parallelism) =
            (self.planner.clone(), self.query.clone(), self.parallelism);
        let plan = task::spawn_blocking(move || planner.plan(&query, parallelism))
            .await
            .map_err(|_| internal("the planner ended unexpectedly".to_owned()))?
            .map_err(|diagnostics| {
                let messages: Vec<_> = diagnostics
                    .into_iter()
                    .map(|diagnostic| diagnostic.message)
                    .collect();
                internal(format!(
                    "this version cannot plan the query: {}",
                    messages.join("; ")
                ))
            })?;
        let states = states
            .iter()
            .map(|state| Some(state.as_slice()))
            .chain(std::iter::repeat(None));
        (0..self.parallelism)
            .zip(states)
            .map(|(index, state)| plan.program.subtask(index, state))
            .collect()
    }

    fn states(
        &self,
        restored: Result<Restored, EngineError>,
    ) -> Result<Vec<Vec<u8>>, ExecutionError> {
        let Restored {
            checkpoint,
            damaged,
        } = restored
            .map_err(|error| internal(format!("reading the checkpoint failed: {error}")))?;
        let Some(checkpoint) = checkpoint else {
            return Err(internal(format!(
                "no checkpoint of the job can be read (damaged: {damaged:?}); a restart that ignores the state \
                 begins from the beginning"
            )));
        };
        if !damaged.is_empty() {
            tracing::warn!(
                job = self.job.as_str(),
                ?damaged,
                epoch = checkpoint.epoch,
                "the newest checkpoints are damaged; going on from the one before, with some rows once more"
            );
        }
        Ok(checkpoint.subtasks)
    }

    fn failed(&self, error: ExecutionError) -> WorkerEvent {
        let ExecutionError {
            error,
            domain,
            retryable,
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

pub(super) fn internal(error: String) -> ExecutionError {
    ExecutionError {
        error,
        domain: ErrorDomain::Internal,
        retryable: false,
    }
}

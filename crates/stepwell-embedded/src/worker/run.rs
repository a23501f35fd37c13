//! A worker: one run of a job, from its start to its end.

use std::sync::Arc;

use stepwell_arroyo::PipelineId;
use tokio::sync::watch;
use tokio::task;

use super::counters::{Counters, JobCounters};
use super::drive::Drive;
use super::orders::Orders;
use super::outputs::JobOutputs;
use super::printer::{Foreground, Printer};
use super::reporter::Reporter;
use super::writer::RowWriter;
use crate::controller::Controller;
use crate::error::EngineError;
use crate::limits::MAX_PARALLELISM;
use crate::plan::Planner;
use crate::run::{Execution, ExecutionError};
use crate::store::Restored;

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
    pub(super) reporter: Reporter,
    pub(super) parallelism: u32,
    pub(super) query: String,
    /// What the store has of the checkpoint to start from; `None`: start from the beginning.
    pub(super) restored: Option<Result<Restored, EngineError>>,
    pub(super) workers: Workers,
    pub(super) counters: Arc<Counters>,
}

impl Worker {
    /// Runs to the end, and reports it.
    pub(super) async fn run(mut self, orders: Orders) {
        let (tasks, execution) = match self.prepare().await {
            Ok(prepared) => prepared,
            Err(error) => return self.reporter.failed(error),
        };
        // Before the run is reported, so that a client that sees it Running can follow its rows.
        let followed = self.workers.outputs.begin(&self.reporter.job);
        self.reporter.started(tasks);
        let printer = Printer::new(
            self.pipeline.clone(),
            self.workers.rows.clone(),
            self.workers.foreground.clone(),
        );
        let drive = Drive::new(
            execution,
            orders,
            followed,
            printer,
            &self.counters,
            &self.reporter,
        );
        // The execution is dropped before the end is reported, since the next run opens the same files.
        match drive.run().await {
            Ok(end) => self.reporter.ended(end),
            Err(error) => self.reporter.failed(error),
        }
    }

    /// Plans the query and starts its execution, from the checkpoint if there is one. Also returns the number of its tasks.
    async fn prepare(&mut self) -> Result<(u64, Execution), ExecutionError> {
        // The store of another version may contain a greater one.
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
        let program = plan.program;
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
                job = self.reporter.job.as_str(),
                ?damaged,
                epoch = checkpoint.epoch,
                "the newest checkpoints are damaged; going on from the one before: what was printed since is printed once more"
            );
        }
        Ok(checkpoint.state)
    }
}

//! Drives one execution: prints and streams its rows, and obeys the orders to the run.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::time;

use super::all_dropped::AllDropped;
use super::counters::Counters;
use super::orders::{Control, Orders};
use super::outputs::RunOutput;
use super::printer::Printer;
use super::reporter::{End, Reporter};
use crate::format::JsonRows;
use crate::run::{Dropped, Execution, ExecutionError, Output};

/// The pause between rows that an earlier run could not write and those that follow. Otherwise a reader that reads all there is, as
/// `head -1` does, would take a new row that it does not show.
const APART: Duration = Duration::from_millis(50);

/// An execution, and where its rows go.
#[derive(Debug)]
pub(super) struct Drive<'a> {
    execution: Execution,
    orders: Orders,
    followed: Arc<RunOutput>,
    printer: Printer,
    counters: &'a Counters,
    reporter: &'a Reporter,
    /// Whether rows may follow those of an earlier run.
    is_apart: bool,
    /// The rows that each source has dropped in this run.
    dropped: BTreeMap<String, AllDropped>,
}

/// What a run does next.
enum Next {
    /// It has waited.
    Continue,
    Print(Output),
    Finish,
    Obey(Control),
    End,
}

impl<'a> Drive<'a> {
    pub(super) fn new(
        execution: Execution,
        orders: Orders,
        followed: Arc<RunOutput>,
        printer: Printer,
        counters: &'a Counters,
        reporter: &'a Reporter,
    ) -> Self {
        Self {
            is_apart: execution.unwritten.is_empty(),
            dropped: BTreeMap::new(),
            execution,
            orders,
            followed,
            printer,
            counters,
            reporter,
        }
    }

    /// Runs to the end, and says then what was dropped in all.
    pub(super) async fn run(mut self) -> Result<End, ExecutionError> {
        let end = self.run_to_the_end().await;
        for dropped in self.execution.dropped() {
            self.report(dropped);
        }
        for (operator, dropped) in &self.dropped {
            self.reporter.warn(&dropped.total(operator));
        }
        end
    }

    async fn run_to_the_end(&mut self) -> Result<End, ExecutionError> {
        // Rows that the previous run could not write come first.
        let mut output = Output {
            printed: mem::take(&mut self.execution.unwritten),
            ..Output::default()
        };
        loop {
            self.followed.publish(output.subtask, &previewed(&output));
            if let Some(dropped) = output.dropped.take() {
                self.report(dropped);
            }
            for notice in mem::take(&mut output.notices) {
                self.reporter.warn(&notice);
            }
            tokio::select! {
                () = self.printer.print(output.printed) => {}
                // Rows that the writer does not take delay a checkpoint, but not a stop without one.
                end = self.orders.end_without_checkpoint() => return Ok(end),
            }
            output = Output::default();
            let end = match self.next().await? {
                Next::Continue => None,
                Next::Print(next) => {
                    self.counters.take_in(next.rows_in);
                    self.counters.give_out(next.rows_out);
                    output = next;
                    None
                }
                Next::Finish => self.finish().await?,
                Next::Obey(Control::Checkpoint { epoch, stopping }) => {
                    self.checkpoint(epoch, stopping).await?
                }
                Next::Obey(Control::Stop) => Some(End::Stopped),
                Next::End => Some(End::Abandoned),
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Reports dropped rows to the job's log, and warns of the first of a source.
    fn report(&mut self, dropped: Dropped) {
        match self.dropped.get_mut(&dropped.operator) {
            Some(before) => before.rows += dropped.rows,
            None => {
                let all = AllDropped {
                    rows: dropped.rows,
                    first: dropped.error.clone(),
                };
                self.reporter.warn(&all.begin(&dropped.operator));
                self.dropped.insert(dropped.operator.clone(), all);
            }
        }
        self.reporter.dropped(dropped);
    }

    async fn next(&mut self) -> Result<Next, ExecutionError> {
        let is_held = self.printer.is_held();
        tokio::select! {
            biased;
            order = self.orders.next() => Ok(order.map_or(Next::End, Next::Obey)),
            () = self.printer.decided(), if is_held => Ok(Next::Continue),
            () = time::sleep(APART), if !is_held && !self.is_apart => {
                self.is_apart = true;
                Ok(Next::Continue)
            }
            next = self.execution.next(), if !is_held && self.is_apart => {
                Ok(next?.map_or(Next::Finish, Next::Print))
            }
        }
    }

    /// Waits until all rows are written and durable. `None`: some could not be written, and the run is held.
    async fn finish(&mut self) -> Result<Option<End>, ExecutionError> {
        let (execution, printer) = (&mut self.execution, &mut self.printer);
        let finished = async {
            printer.settle().await;
            if !printer.is_empty() {
                return Ok(None);
            }
            execution.sync().await?;
            Ok(Some(End::Finished))
        };
        tokio::select! {
            finished = finished => finished,
            end = self.orders.end_without_checkpoint() => Ok(Some(end)),
        }
    }

    /// Takes a checkpoint, which contains the rows that are not written.
    async fn checkpoint(
        &mut self,
        epoch: u64,
        stopping: bool,
    ) -> Result<Option<End>, ExecutionError> {
        let (execution, printer) = (&mut self.execution, &mut self.printer);
        let state = async {
            printer.settle().await;
            execution.unwritten = printer.unwritten();
            execution.checkpoint().await
        };
        let state = tokio::select! {
            state = state => state?,
            end = self.orders.end_without_checkpoint() => return Ok(Some(end)),
        };
        self.reporter.checkpoint(epoch, state);
        Ok(stopping.then_some(End::Stopped))
    }
}

fn previewed(output: &Output) -> Vec<JsonRows> {
    let printed = output.printed.iter();
    let previewed = printed.filter(|printed| printed.is_preview);
    previewed.map(|printed| printed.rows.clone()).collect()
}

//! The workers: one task for each run, under a supervisor that passes on the orders of the controller.

use std::collections::HashMap;
use std::time::Duration;

use stepwell_arroyo::JobId;
use stepwell_control_plane::Command;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{self, MissedTickBehavior};

use crate::controller::Order;

mod all_dropped;
mod counters;
mod drive;
mod orders;
mod outputs;
mod printer;
mod reporter;
mod run;
mod writer;

pub(crate) use self::counters::JobCounters;
use self::orders::{Control, Orders};
pub(crate) use self::outputs::{JobOutputs, RowBatch};
pub(crate) use self::printer::Foreground;
use self::reporter::Reporter;
use self::run::Worker;
pub(crate) use self::run::Workers;
pub(crate) use self::writer::RowWriter;

/// How often the controller looks at all jobs, besides after every change; as often as in Arroyo.
const TICK_INTERVAL: Duration = Duration::from_millis(500);

/// The task that owns the runs.
#[derive(Debug)]
pub(crate) struct Supervisor {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Supervisor {
    pub(crate) fn start(orders: mpsc::UnboundedReceiver<Order>, workers: Workers) -> Self {
        let (stop, stopped) = oneshot::channel();
        let runs = Runs {
            workers,
            tasks: JoinSet::new(),
            of_jobs: HashMap::new(),
        };
        Self {
            task: tokio::spawn(runs.supervise(orders, stopped)),
            stop: Some(stop),
        }
    }

    /// Ends all runs at once; returns when they have ended.
    pub(crate) async fn close(mut self) {
        drop(self.stop.take());
        // The task ends in bounded time. If the runtime has aborted it, there is nothing to wait for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Aborting the task drops its set of runs, which aborts those.
        self.task.abort();
    }
}

struct Runs {
    workers: Workers,
    tasks: JoinSet<()>,
    of_jobs: HashMap<JobId, Handle>,
}

/// The newest run of a job.
struct Handle {
    run_id: u64,
    control: mpsc::UnboundedSender<Control>,
    /// Closes once the run has ended and is dropped.
    ended: oneshot::Receiver<()>,
}

impl Runs {
    async fn supervise(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let mut ticks = time::interval(TICK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                _ = ticks.tick() => self.workers.controller.tick(),
                Some(_) = self.tasks.join_next() => {}
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => break,
                },
            }
        }
        self.tasks.shutdown().await;
    }

    fn obey(&mut self, order: Order) {
        match order.command {
            Command::Start {
                pipeline,
                job,
                run_id,
                parallelism,
                query,
                ..
            } => self.start(Worker {
                pipeline,
                counters: self.workers.counters.of(&job),
                reporter: Reporter {
                    controller: self.workers.controller.clone(),
                    job,
                    run_id,
                },
                parallelism,
                query,
                restored: order.restored,
                workers: self.workers.clone(),
            }),
            Command::Checkpoint {
                job,
                run_id,
                epoch,
                stopping,
            } => {
                self.tell(&job, run_id, Control::Checkpoint { epoch, stopping });
            }
            // The modes differ only in what the control plane shows in the meantime.
            Command::Stop { job, run_id, .. } => self.tell(&job, run_id, Control::Stop),
            Command::Forget { job } => {
                self.of_jobs.remove(&job);
            }
            _ => tracing::warn!("the controller sent an order that workers do not know"),
        }
    }

    fn start(&mut self, worker: Worker) {
        let (control, orders) = mpsc::unbounded_channel();
        let (alive, ended) = oneshot::channel();
        let handle = Handle {
            run_id: worker.reporter.run_id,
            control,
            ended,
        };
        let before = self.of_jobs.insert(worker.reporter.job.clone(), handle);
        self.tasks.spawn(async move {
            // Rows of two runs of a job never mix.
            if let Some(before) = before {
                before.end().await;
            }
            worker.run(Orders::new(orders)).await;
            drop(alive);
        });
    }

    /// A run that has ended in the meantime has reported so.
    fn tell(&self, job: &JobId, run_id: u64, control: Control) {
        if let Some(run) = self.of_jobs.get(job).filter(|run| run.run_id == run_id) {
            let _ = run.control.send(control);
        }
    }
}

impl Handle {
    async fn end(self) {
        // A run whose orders have no sender ends.
        drop(self.control);
        let _ = self.ended.await;
    }
}

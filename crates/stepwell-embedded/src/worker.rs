//! The workers: one task a run, under a supervisor that passes on what the controller orders.

use std::collections::HashMap;
use std::time::Duration;

use stepwell_arroyo::JobId;
use stepwell_control_plane::Command;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{self, MissedTickBehavior};

use crate::controller::Order;

mod counters;
mod outputs;
mod printer;
mod run;
mod writer;

pub(crate) use self::counters::JobCounters;
pub(crate) use self::outputs::{JobOutputs, RowBatch};
pub(crate) use self::printer::Foreground;
pub(crate) use self::run::Workers;
use self::run::{Control, Worker};
pub(crate) use self::writer::RowWriter;

/// How often the controller looks at all jobs, besides whenever something changes; that of a real Arroyo.
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

    /// Ends all runs where they are; returns when they have.
    pub(crate) async fn close(mut self) {
        drop(self.stop.take());
        // It ends by itself, in bounded time; if it was cut by the runtime's end, there is nothing left to wait for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // With it go the runs, which are in a set that the task owns.
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
    /// Closes when the run has ended and no part of it is left.
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
            } => {
                let before = self.of_jobs.remove(&job);
                let (control, orders) = mpsc::unbounded_channel();
                let (alive, ended) = oneshot::channel();
                let worker = Worker {
                    pipeline,
                    job: job.clone(),
                    run_id,
                    parallelism,
                    query,
                    restored: order.restored,
                    counters: self.workers.counters.of(&job),
                    workers: self.workers.clone(),
                };
                self.of_jobs.insert(
                    job,
                    Handle {
                        run_id,
                        control,
                        ended,
                    },
                );
                self.tasks.spawn(async move {
                    // Rows of two runs of a job never mix.
                    if let Some(before) = before {
                        before.end().await;
                    }
                    worker.go(orders).await;
                    drop(alive);
                });
            }
            Command::Checkpoint {
                job,
                run_id,
                epoch,
                stopping,
            } => {
                self.tell(&job, run_id, Control::Checkpoint { epoch, stopping });
            }
            // The modes differ in what the control plane shows on the way.
            Command::Stop { job, run_id, .. } => self.tell(&job, run_id, Control::Stop),
            Command::Forget { job } => {
                self.of_jobs.remove(&job);
            }
            _ => tracing::warn!("the controller ordered what workers do not know"),
        }
    }

    /// A run that has ended by itself meanwhile has told the controller so.
    fn tell(&self, job: &JobId, run_id: u64, control: Control) {
        if let Some(run) = self.of_jobs.get(job).filter(|run| run.run_id == run_id) {
            let _ = run.control.send(control);
        }
    }
}

impl Handle {
    async fn end(self) {
        // A run whose control is gone ends; see there.
        drop(self.control);
        let _ = self.ended.await;
    }
}

//! The workers, which take their time, fail and finish.

use std::time::Duration;

use stepwell::arroyo::JobId;
use stepwell_control_plane::{
    Command, Generation, Scheduler, WorkerEvent,
    testing::{Failure, RunEnd, Workers},
};

use crate::world::World;

/// After so many looks, five in a second, even 0.15 has given up a job that fails.
const GIVEN_UP: usize = 600;

impl World {
    /// A worker does what it was told, after a while.
    pub(crate) async fn work(self, command: Command, pause: Duration) {
        tokio::time::sleep(pause).await;
        let workers = self.draw_workers(&command);
        for (after, event) in workers.answer(command) {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            let fails = matches!(event, WorkerEvent::Failed { .. });
            self.tell(event);
            if fails {
                self.torn_down().await;
            }
        }
    }

    /// What becomes of a run when it is started, and whether a thread hangs in its final checkpoint.
    fn draw_workers(&self, command: &Command) -> Workers {
        let inner = &mut *self.lock();
        let is_slow = inner.slow_checkpoints;
        let (nature, chance) = (inner.nature, &mut inner.chance);
        let workers = Workers::new();
        match command {
            Command::Start { .. } => {
                let (fails, finishes) = (
                    chance.percent(nature.failing),
                    chance.percent(nature.finite),
                );
                let retryable = chance.percent(if nature.failing == 100 { 10 } else { 40 });
                let after = chance.millis(0, 4_000);
                if fails {
                    let failure = failure(retryable);
                    workers.with_end(RunEnd::Failed { after, failure })
                } else if finishes {
                    workers.with_end(RunEnd::Finished { after })
                } else {
                    workers
                }
            }
            Command::Checkpoint { stopping: true, .. } if is_slow => {
                workers.with_checkpoint(Duration::from_secs(200))
            }
            Command::Checkpoint { stopping: true, .. } if nature.hangs() && chance.percent(10) => {
                workers.hang_in_final_checkpoint()
            }
            _ => workers,
        }
    }

    /// A controller of 0.15 does not wait for its next look where the workers are processes: Recovering is seen for some milliseconds.
    async fn torn_down(&self) {
        let pause = {
            let inner = &mut *self.lock();
            if inner.nature.generation != Generation::V0_15(Scheduler::Process) {
                return;
            }
            inner.chance.millis(0, 30)
        };
        tokio::time::sleep(pause).await;
        self.look();
    }

    fn tell(&self, event: WorkerEvent) {
        let inner = &mut *self.lock();
        inner.plane.notify(&mut inner.environment, event);
        inner.keep("");
    }

    /// The current run of a pipeline fails.
    pub fn fail(&self, id: &str) {
        let shown = self.lock().shown(id);
        if let Some(job) = shown {
            let id = JobId::from_server(job["id"].as_str().unwrap());
            self.tell(failure(false).of_run(id, job["run_id"].as_u64().unwrap()));
        }
    }

    /// The current run of a pipeline fails in a way that another one may not.
    pub fn fail_for_a_moment(&self, id: &str) {
        let shown = self.lock().shown(id);
        if let Some(job) = shown.filter(|job| job["state"] == "Running") {
            let id = JobId::from_server(job["id"].as_str().unwrap());
            self.tell(failure(true).of_run(id, job["run_id"].as_u64().unwrap()));
        }
    }

    /// Each run of a pipeline fails, until the server gives up.
    pub async fn fail_for_good(&self, id: &str) {
        for _ in 0..GIVEN_UP {
            let state = {
                let shown = self.lock().shown(id);
                shown.map(|job| job["state"].as_str().unwrap().to_owned())
            };
            match state.as_deref() {
                None | Some("Failed" | "Stopped" | "Finished") => return,
                Some("Running") => {
                    self.fail(id);
                    self.torn_down().await;
                }
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn failure(retryable: bool) -> Failure {
    Failure::new("out of luck").with_retryable(retryable)
}

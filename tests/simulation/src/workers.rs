//! The workers, which take their time, fail and finish.

use std::time::Duration;

use stepwell::arroyo::{ErrorDomain, JobId};
use stepwell_control_plane::{Command, Generation, Scheduler, WorkerEvent};

use crate::world::World;

/// After so many looks, five in a second, even 0.15 has given up a job that fails.
const GIVEN_UP: usize = 600;

impl World {
    /// A worker does what it was told, after a while.
    pub(crate) async fn work(self, command: Command, pause: Duration) {
        tokio::time::sleep(pause).await;
        match command {
            Command::Start {
                job,
                run_id,
                parallelism,
                ..
            } => {
                let (fails, finishes, retryable, after) = {
                    let inner = &mut *self.lock();
                    let nature = inner.nature;
                    (
                        inner.chance.percent(nature.failing),
                        inner.chance.percent(nature.finite),
                        inner
                            .chance
                            .percent(if nature.failing == 100 { 10 } else { 40 }),
                        inner.chance.millis(0, 4_000),
                    )
                };
                self.tell(WorkerEvent::Started {
                    job: job.clone(),
                    run_id,
                    tasks: u64::from(parallelism) * 3,
                });
                tokio::time::sleep(after).await;
                if fails {
                    self.tell(failure(job, run_id, retryable));
                    self.torn_down().await;
                } else if finishes {
                    self.tell(WorkerEvent::Finished { job, run_id });
                }
            }
            Command::Checkpoint {
                job,
                run_id,
                epoch,
                stopping,
            } => {
                // A thread can hang in it.
                if stopping && self.hangs() {
                    return;
                }
                self.tell(WorkerEvent::CheckpointStored {
                    job: job.clone(),
                    run_id,
                    epoch,
                });
                if stopping {
                    self.tell(WorkerEvent::Stopped { job, run_id });
                }
            }
            Command::Stop { job, run_id, .. } => self.tell(WorkerEvent::Stopped { job, run_id }),
            _ => {}
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

    fn hangs(&self) -> bool {
        let inner = &mut *self.lock();
        inner.nature.hangs() && inner.chance.percent(10)
    }

    fn tell(&self, event: WorkerEvent) {
        let inner = &mut *self.lock();
        inner.plane.notify(&mut inner.outside, event);
        inner.keep("");
    }

    /// The current run of a pipeline fails.
    pub fn fail(&self, id: &str) {
        let shown = self.lock().shown(id);
        if let Some(job) = shown {
            let id = JobId::from_server(job["id"].as_str().unwrap());
            self.tell(failure(id, job["run_id"].as_u64().unwrap(), false));
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

fn failure(job: JobId, run_id: u64, retryable: bool) -> WorkerEvent {
    WorkerEvent::Failed {
        job,
        run_id,
        error: "out of luck".to_owned(),
        domain: ErrorDomain::User,
        retryable,
    }
}

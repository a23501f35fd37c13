//! The workers, which take their time, fail and finish.

use std::time::Duration;

use stepwell::arroyo::{ErrorDomain, JobId};
use stepwell_control_plane::{Command, WorkerEvent};

use crate::world::World;

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

//! What a submission does with its pipeline once that is there.

use std::time::Duration;

use stepwell::{
    Error, PipelineId, Submission,
    error::WaitError,
    state::{Registered, Running, Stopped},
};
use tokio::time::Instant;

use crate::{
    Chance,
    diary::Told,
    others::start_again,
    submitter::{CONNECT, REQUEST, RUNNING, STOP, Submitter},
};

/// How long a loop watches.
const WATCH: Duration = Duration::from_secs(60);

impl Submitter {
    pub(crate) async fn go_on(&mut self, registered: Submission<Registered>) -> Result<(), Error> {
        let diary = self.diary.clone();
        if self.chance.percent(5) {
            let id = registered.detach().to_string();
            diary.tell(Told::Detached { id });
            return Ok(());
        }
        if self.chance.percent(10) {
            let began = Instant::now();
            let stopped = diary
                .time("stop", STOP + REQUEST, Box::pin(registered.stop()))
                .await?;
            diary.tell(was_stopped(&stopped, began));
            return Ok(());
        }
        let stable = diary.read().stable_for;
        // The job's own words may be read after the last poll.
        let allowed = RUNNING + stable + REQUEST;
        let waiting = Box::pin(registered.wait_until_running());
        let running = match diary.time("wait", allowed, waiting).await {
            Ok(running) => running,
            Err(failure) => {
                let (error, registered) = failure.into_parts();
                if self.select.is_none() || !was_ended(&error) {
                    return Err(error);
                }
                Box::pin(self.wait_again(error, registered)).await?
            }
        };
        let (id, run_id) = (running.id().to_string(), running.job().run_id);
        diary.tell(Told::Running { id, run_id });
        self.after(running).await
    }

    /// Another client starts again what has ended, and the submission waits for it once more.
    async fn wait_again(
        &mut self,
        error: Error,
        registered: Submission<Registered>,
    ) -> Result<Submission<Running>, Error> {
        let diary = self.diary.clone();
        let id = registered.id().to_string();
        diary.tell(Told::Failed(error));
        start_again(&self.world, "rival", &id);
        let allowed = RUNNING + diary.read().stable_for + REQUEST;
        let waiting = Box::pin(registered.wait_until_running());
        Ok(diary.time("wait", allowed, waiting).await?)
    }

    /// Watches for an end in a loop that does other things too, so that each call is dropped soon.
    async fn watch(
        &mut self,
        running: &Submission<Running>,
        mut chance: Chance,
    ) -> Result<(), Error> {
        let (diary, id, from) = (self.diary.clone(), running.id().to_string(), Instant::now());
        while from.elapsed() < WATCH {
            let slice = chance.millis(100, 2_000);
            if let Ok(ended) = tokio::time::timeout(slice, running.ended()).await {
                let state = ended?.job.state.to_string();
                diary.tell(Told::Ended { id, state });
                return Ok(());
            }
        }
        diary.tell(Told::Watched { id, from });
        Ok(())
    }

    async fn after(&mut self, running: Submission<Running>) -> Result<(), Error> {
        let diary = self.diary.clone();
        if let Some(chance) = self.select.take() {
            return self.watch(&running, chance).await;
        }
        if self.successor.is_some() {
            let chance = self.chance.fork();
            return Box::pin(self.live(running, chance)).await;
        }
        if let Some(after) = self.detaches {
            self.shutdown.begun().await;
            tokio::time::sleep(after).await;
            let id = running.detach().to_string();
            diary.tell(Told::Detached { id });
            return Ok(());
        }
        let next = if self.awaits_end {
            3
        } else {
            self.chance.below(10)
        };
        match next {
            0 | 1 => {
                let began = Instant::now();
                let stopped = diary
                    .time("stop", STOP + REQUEST, Box::pin(running.stop()))
                    .await?;
                diary.tell(was_stopped(&stopped, began));
            }
            2..=4 => {
                diary.time("status", REQUEST * 4, running.status()).await?;
                let watch = self
                    .chance
                    .millis(if self.awaits_end { 15_000 } else { 0 }, 20_000);
                let Ok(ended) = tokio::time::timeout(watch, running.ended()).await else {
                    return Ok(());
                };
                let ended = ended?;
                diary.tell(Told::Ended {
                    id: ended.id.to_string(),
                    state: ended.job.state.to_string(),
                });
            }
            5 => {
                let id = running.detach().to_string();
                diary.tell(Told::Detached { id });
            }
            // A dropped one stays registered.
            _ => {}
        }
        Ok(())
    }

    /// Takes up a pipeline by its id, as an orchestrator does that was restarted.
    pub async fn attach(mut self, id: String) {
        let diary = self.diary.clone();
        let attached = diary
            .time(
                "attach",
                CONNECT + REQUEST,
                Submission::attach(
                    self.network.clone(),
                    PipelineId::new(id).unwrap(),
                    &self.shutdown,
                    self.options.clone(),
                ),
            )
            .await;
        let outcome = match attached {
            Ok(registered) => Box::pin(self.go_on(registered)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            diary.tell(Told::Failed(error));
        }
    }
}

pub(crate) fn was_stopped(stopped: &Submission<Stopped>, began: Instant) -> Told {
    Told::Stopped {
        id: stopped.id().to_string(),
        began,
        final_checkpoint: stopped.final_checkpoint(),
    }
}

fn was_ended(error: &Error) -> bool {
    matches!(
        error,
        Error::Wait {
            source: WaitError::Failed { .. } | WaitError::Stopped { .. }
        }
    )
}

//! What an orchestrator does with a pipeline that runs: it changes settings, stops and starts it, deletes it, or puts another query in its
//! place.

use std::{num::NonZeroU32, time::Duration};

use stepwell::{
    Error, Options, PipelineSpec, StopPolicy, Submission,
    replacement::ReplacementOptions,
    spec::{CheckpointInterval, Update},
    state::{Registered, Running, Stopped},
};
use tokio::time::Instant;

use crate::{
    Chance,
    diary::{Diary, Replaced, Told},
    follow::was_stopped,
    network::Network,
    submitter::{CONNECT, Place, REQUEST, RESOLVE, RUNNING, STOP, Submitter, query},
};

/// For so long a new pipeline has to stay Running.
pub(crate) const PROOF: Duration = Duration::from_secs(6);

/// The pipeline that may take the place of a submission's.
#[derive(Debug)]
pub(crate) struct Successor {
    pub(crate) diary: Diary,
    network: Network,
    spec: PipelineSpec,
    options: Options,
}

impl Successor {
    pub(crate) fn of(
        who: &str,
        number: u64,
        place: &Place<'_>,
        of: &Diary,
        options: &Options,
    ) -> Self {
        let who = format!("{who}next");
        let mut chance = place.scenario.chance(&who);
        let number = number + 50;
        let spec = PipelineSpec::builder(query(number))
            .name(format!("spec{number}"))
            .force(true)
            .build()
            .unwrap();
        let (on_shutdown, trouble) = {
            let pages = of.read();
            (pages.on_shutdown, pages.trouble)
        };
        let diary = Diary::new(
            who.clone(),
            place.process,
            &spec,
            on_shutdown,
            Duration::ZERO,
            trouble,
        );
        let network = Network::new(
            place.world,
            &who,
            place.process,
            chance.fork(),
            place.matrix,
        )
        .troubled(trouble, place.focus, &diary.gone);
        Self {
            diary,
            network,
            spec,
            options: options.clone(),
        }
    }
}

impl Submitter {
    pub(crate) async fn live(
        &mut self,
        mut running: Submission<Running>,
        mut chance: Chance,
    ) -> Result<(), Error> {
        for _ in 0..3 {
            tokio::time::sleep(chance.millis(0, 4_000)).await;
            running = match chance.below(8) {
                0..=2 => {
                    let registered = self.update(running, &mut chance).await?;
                    self.wait(registered).await?
                }
                3 | 4 => {
                    let stopped = self.stop(running, &mut chance).await?;
                    let registered = self.start(stopped, &mut chance).await?;
                    self.wait(registered).await?
                }
                5 => {
                    let stopped = self.stop(running, &mut chance).await?;
                    return self.delete(stopped, &mut chance).await;
                }
                _ => return self.replace(running, &mut chance).await,
            };
        }
        Ok(())
    }

    async fn wait(
        &mut self,
        registered: Submission<Registered>,
    ) -> Result<Submission<Running>, Error> {
        let diary = self.diary.clone();
        let allowed = RUNNING + diary.read().stable_for + REQUEST;
        let waiting = Box::pin(registered.wait_until_running());
        let running = diary.time("wait", allowed, waiting).await?;
        let (id, run_id) = (running.id().to_string(), running.job().run_id);
        diary.tell(Told::Running { id, run_id });
        Ok(running)
    }

    async fn update(
        &mut self,
        running: Submission<Running>,
        chance: &mut Chance,
    ) -> Result<Submission<Registered>, Error> {
        let mut update = Update::new();
        if chance.percent(70) {
            let parallelism = 1 + u32::try_from(chance.below(3)).unwrap();
            update = update.parallelism(NonZeroU32::new(parallelism).unwrap());
        }
        if chance.percent(50) {
            let interval = chance.millis(2_000, 20_000);
            update = update.checkpoint_interval(CheckpointInterval::new(interval).unwrap());
        }
        let diary = self.diary.clone();
        let allowed = RESOLVE + REQUEST + REQUEST;
        let updating = Box::pin(running.update(&update));
        let (error, back) = match diary.time("update", allowed, updating).await {
            Ok(registered) => return Ok(registered),
            Err(failure) => failure.into_parts(),
        };
        if !error.is_retryable() || chance.percent(50) {
            return Err(error);
        }
        diary.tell(Told::Failed(error));
        let again = Box::pin(back.update(&update));
        Ok(diary.time("update", allowed, again).await?)
    }

    async fn stop(
        &mut self,
        running: Submission<Running>,
        chance: &mut Chance,
    ) -> Result<Submission<Stopped>, Error> {
        let diary = self.diary.clone();
        let began = Instant::now();
        let policy = StopPolicy::builder().deadline(STOP).build();
        let stopping = Box::pin(running.stop_with(&policy));
        let (error, back) = match diary.time("stop", STOP + REQUEST, stopping).await {
            Ok(stopped) => {
                diary.tell(was_stopped(&stopped, began));
                return Ok(stopped);
            }
            Err(failure) => failure.into_parts(),
        };
        if !error.is_retryable() || chance.percent(50) {
            return Err(error);
        }
        diary.tell(Told::Failed(error));
        let began = Instant::now();
        let again = Box::pin(back.stop());
        let stopped = diary.time("stop", STOP + REQUEST, again).await?;
        diary.tell(was_stopped(&stopped, began));
        Ok(stopped)
    }

    async fn start(
        &mut self,
        stopped: Submission<Stopped>,
        chance: &mut Chance,
    ) -> Result<Submission<Registered>, Error> {
        let diary = self.diary.clone();
        let allowed = RESOLVE + REQUEST + REQUEST;
        let starting = Box::pin(stopped.start());
        let (error, back) = match diary.time("start", allowed, starting).await {
            Ok(registered) => return Ok(registered),
            Err(failure) => failure.into_parts(),
        };
        if !error.is_retryable() || chance.percent(50) {
            return Err(error);
        }
        diary.tell(Told::Failed(error));
        let again = Box::pin(back.start());
        Ok(diary.time("start", allowed, again).await?)
    }

    async fn delete(
        &mut self,
        stopped: Submission<Stopped>,
        chance: &mut Chance,
    ) -> Result<(), Error> {
        let (diary, id) = (self.diary.clone(), stopped.id().to_string());
        let allowed = STOP + REQUEST + REQUEST;
        let deleting = Box::pin(stopped.delete());
        let (error, back) = match diary.time("delete", allowed, deleting).await {
            Ok(()) => {
                diary.tell(Told::Deleted { id });
                return Ok(());
            }
            Err(failure) => failure.into_parts(),
        };
        if !error.is_retryable() || chance.percent(50) {
            return Err(error);
        }
        diary.tell(Told::Failed(error));
        diary
            .time("delete", allowed, Box::pin(back.delete()))
            .await?;
        diary.tell(Told::Deleted { id });
        Ok(())
    }

    /// Puts the successor in the place of the pipeline.
    async fn replace(
        &mut self,
        running: Submission<Running>,
        chance: &mut Chance,
    ) -> Result<(), Error> {
        let Some(successor) = self.successor.take() else {
            return Ok(());
        };
        let (diary, next) = (self.diary.clone(), successor.diary.clone());
        let new = Submission::builder(successor.network, successor.spec.clone())
            .options(successor.options)
            .shutdown(&self.shutdown)
            .build();
        let new = match new.connect().await {
            Ok(connected) => connected.validate().await.map_err(Error::from),
            Err(failure) => Err(failure.into()),
        };
        // The failure is that of another submission, which has no more to tell.
        let Ok(new) = new else {
            return Ok(());
        };
        let id = running.id().to_string();
        let keeps_old = chance.percent(20);
        let options = ReplacementOptions::default().with_keep_old(keeps_old);
        let number = diary.begins_to_replace(Replaced {
            from: Instant::now(),
            to: None,
            old: id.clone(),
            by: next.read().who.clone(),
            keeps_old,
            outcome: None,
        });
        next.read().resolves.push((Instant::now(), None));
        let who = diary.read().who.clone();
        self.world.lock().replacing.push((who, id.clone()));
        let replacing = async {
            let prepared = new.replace(running, options).await?;
            Ok::<_, Error>(prepared.run().await?)
        };
        let allowed = 10 * (RESOLVE + RUNNING + STOP + PROOF + CONNECT);
        // It stops, starts and deletes what is old, and creates and discards what is new.
        let replacing = next.time("resolve", allowed, Box::pin(replacing));
        let replacing = next.time("discard", allowed, replacing);
        let outcome = diary.time("stop", allowed, replacing).await;
        let outcome = outcome.map(|running| running.id().to_string());
        let text = format!("{}: replacing {id}: {outcome:?}", diary.read().who);
        let who = diary.read().who.clone();
        let mut inner = self.world.lock();
        inner.note(text);
        inner.replacing.retain(|(by, old)| *by != who || *old != id);
        drop(inner);
        diary.has_replaced(number, outcome);
        Ok(())
    }
}

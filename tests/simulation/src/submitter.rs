//! Submissions of ours: every step, some given up by their caller, some tried again.

use std::{num::NonZeroU32, time::Duration};

use stepwell::{
    Error, OnShutdown, Options, PipelineId, PipelineSpec, Resolution, Shutdown, Submission,
    spec::{FindBy, Identity, Intent, WhenFinished},
    state::{Unconnected, Validated},
};

use tokio::time::Instant;

use crate::{
    Chance,
    changes::Successor,
    diary::{Diary, Told},
    fault::Focus,
    matrix::Matrix,
    network::Network,
    purpose::Purpose,
    scenario::Scenario,
    world::World,
};

/// What every call of the library is given.
pub const CONNECT: Duration = Duration::from_secs(20);
pub const RESOLVE: Duration = Duration::from_secs(30);
/// How long a create is looked for whose reply was lost.
pub const SETTLE: Duration = Duration::from_secs(5);
/// How long a server may be silent under a watch.
pub const SILENCE: Duration = Duration::from_secs(15);
pub const RUNNING: Duration = Duration::from_secs(60);
pub const STOP: Duration = Duration::from_secs(60);
pub const REQUEST: Duration = Duration::from_secs(5);

/// What it is all about: one of a few queries.
pub fn query(number: u64) -> String {
    format!("SELECT {number} FROM impulse")
}

/// One submission of ours.
#[derive(Debug)]
pub struct Submitter {
    pub diary: Diary,
    spec: PipelineSpec,
    pub(crate) options: Options,
    pub(crate) shutdown: Shutdown,
    pub(crate) network: Network,
    pub(crate) chance: Chance,
    pub(crate) world: World,
    /// Of a hundred creates, how many are undone.
    discards: u64,
    /// Whether it waits for the end of the job.
    pub(crate) awaits_end: bool,
    /// Whether it asks what it would do, and lets time pass in which others go on.
    asks_first: bool,
    /// Whether it watches in a loop that does other things too.
    pub(crate) select: Option<Chance>,
    /// How long after its shutdown has begun it detaches.
    pub(crate) detaches: Option<Duration>,
    /// What may take the place of its pipeline, if it goes on to change it.
    pub(crate) successor: Option<Box<Successor>>,
}

/// What a submitter needs to know of the run.
#[derive(Debug)]
pub struct Place<'a> {
    pub world: &'a World,
    pub matrix: &'a Matrix,
    pub process: usize,
    pub focus: Option<Focus>,
    pub shutdown: &'a Shutdown,
    /// Whether it looks for its pipeline by the id.
    pub by_id: bool,
    pub scenario: &'a Scenario,
    /// The pipeline that it is to resume.
    pub resume: Option<&'a str>,
}

impl Submitter {
    pub fn draw(who: &str, number: u64, place: &Place<'_>, chance: &mut Chance) -> Self {
        let mut builder = PipelineSpec::builder(query(number))
            .name(format!("spec{number}"))
            .force(chance.percent(85));
        builder = match chance.below(20) {
            0 | 1 => builder.intent(Intent::CreateOnly),
            2 | 3 => builder.intent(Intent::ResumeOnly),
            4..=10 => builder.when_finished(WhenFinished::NewRun),
            _ => builder,
        };
        if chance.percent(15) {
            builder = builder.identity(Identity::ServerAssigned);
        } else if place.by_id {
            builder = builder.find_by(FindBy::Id);
        }
        if chance.percent(15) {
            builder = builder.parallelism(NonZeroU32::new(2).unwrap());
        }
        if place.scenario.given && number == 0 {
            builder = builder.identity(Identity::Given(PipelineId::new("given").unwrap()));
        }
        if let Some(id) = place.resume {
            builder = builder.intent(Intent::Resume(PipelineId::new(id).unwrap()));
        }
        let spec = builder.build().unwrap();
        let on_shutdown = match chance.below(10) {
            0..=3 => OnShutdown::Stop,
            4..=8 => OnShutdown::StopIfStartedHere,
            _ => OnShutdown::Leave,
        };
        let stable_for = if chance.percent(30) {
            chance.millis(100, 5_000)
        } else {
            Duration::ZERO
        };
        // What a run is about has to be reached.
        let troubles = if place.focus.is_some() { 3 } else { 4 };
        let trouble = [0, 5, 10, 30][usize::try_from(chance.below(troubles)).unwrap()];
        let discards = match place.focus.map(|focus| focus.purpose) {
            Some(Purpose::Delete) => 90,
            Some(_) => 10,
            None => 20,
        };
        let diary = Diary::new(
            who.to_owned(),
            place.process,
            &spec,
            on_shutdown,
            stable_for,
            trouble,
        );
        let mut options = Options::default()
            .with_on_shutdown(on_shutdown)
            .with_connect_timeout(CONNECT)
            .with_validate_timeout(CONNECT)
            .with_request_timeout(REQUEST)
            .with_resolve_timeout(RESOLVE)
            .with_settle_timeout(SETTLE)
            .with_running_timeout(RUNNING)
            .with_stop_timeout(STOP)
            .with_stable_for(stable_for)
            .with_jitter_seed(chance.clone().draw());
        if place.scenario.select {
            options = options.with_silence_timeout(SILENCE);
        }
        let network = Network::new(place.world, who, place.process, chance.fork(), place.matrix)
            .troubled(trouble, place.focus, &diary.gone)
            .with_oddity(place.scenario);
        // A failed job that is to be restarted would have been by somebody else.
        let waits = chance.percent(20)
            && place
                .focus
                .is_none_or(|focus| focus.purpose != Purpose::Restart);
        let successor = place.scenario.changes.then(|| {
            let successor = Successor::of(who, number, place, &diary, &options);
            Box::new(successor)
        });
        Self {
            successor,
            network,
            diary,
            spec,
            options,
            shutdown: place.shutdown.clone(),
            chance: chance.fork(),
            world: place.world.clone(),
            discards,
            awaits_end: place
                .focus
                .is_some_and(|focus| focus.purpose == Purpose::Errors),
            asks_first: waits,
            detaches: place
                .scenario
                .detached_late
                .then(|| place.scenario.chance(who).millis(0, 1_000)),
            select: place.scenario.select.then(|| place.scenario.chance(who)),
        }
    }

    /// Does it all, unless its caller goes away.
    pub async fn run(mut self) {
        let diary = self.diary.clone();
        let gone = std::sync::Arc::clone(&diary.gone);
        let given_up = self.chance.percent(10);
        let moment = if given_up {
            self.chance.millis(0, 6_000)
        } else {
            Duration::from_secs(100_000)
        };
        tokio::select! {
            () = self.steps() => return,
            () = gone.notified() => {}
            () = tokio::time::sleep(moment) => {}
        }
        diary.tell(Told::Dropped);
    }

    async fn steps(&mut self) {
        if self.asks_first {
            self.ask_first().await;
        }
        let submission = self.submission();
        if let Err(error) = Box::pin(self.walk(submission)).await {
            self.diary.tell(Told::Failed(error));
        }
    }

    fn submission(&self) -> Submission<Unconnected> {
        Submission::builder(self.network.clone(), self.spec.clone())
            .options(self.options.clone())
            .shutdown(&self.shutdown)
            .build()
    }

    /// Asks what it would do, and lets time pass in which others go on.
    async fn ask_first(&mut self) {
        if let Ok(connected) = self.submission().connect().await
            && let Ok(validated) = connected.validate().await
        {
            let planned = validated.plan().await;
            let text = format!("{}: planned: {planned:?}", self.diary.read().who);
            self.world.lock().note(text);
        }
        tokio::time::sleep(self.chance.millis(0, 12_000)).await;
    }

    async fn walk(&mut self, submission: Submission<Unconnected>) -> Result<(), Error> {
        let diary = self.diary.clone();
        let connected = diary
            .time("connect", CONNECT + REQUEST, submission.connect())
            .await?;
        let validated = diary
            .time("validate", CONNECT + REQUEST, connected.validate())
            .await?;
        if self.chance.percent(10) {
            let now = Instant::now();
            diary.read().resolves.push((now, None));
            diary
                .time("plan", RESOLVE + REQUEST, validated.plan())
                .await?;
        }
        let resolution = self.resolve(validated).await?;
        let resolution = match resolution {
            Resolution::Created(created) if self.chance.percent(self.discards) => {
                let id = created.id().to_string();
                let discarded = diary
                    .time("discard", STOP + REQUEST, Box::pin(created.discard()))
                    .await;
                match discarded {
                    Ok(()) => {
                        diary.tell(Told::Discarded { id });
                        return Ok(());
                    }
                    Err(failure) => return Err(failure.into_error()),
                }
            }
            resolution => resolution,
        };
        let registered = resolution.register();
        Box::pin(self.go_on(registered)).await
    }

    /// Resolves; an error that may pass is tried again, as `is_retryable` invites to.
    async fn resolve(&mut self, mut validated: Submission<Validated>) -> Result<Resolution, Error> {
        let diary = self.diary.clone();
        let mut tries = 0;
        loop {
            diary.read().resolves.push((Instant::now(), None));
            let outcome = diary
                .time("resolve", RESOLVE + REQUEST, validated.resolve())
                .await;
            if let Some(last) = diary.read().resolves.last_mut() {
                last.1 = Some(Instant::now());
            }
            let (error, back) = match outcome {
                Ok(resolution) => return Ok(resolution),
                Err(failure) => failure.into_parts(),
            };
            let text = format!("{}: resolve failed: {error}", diary.read().who);
            self.world.lock().note(text);
            tries += 1;
            if tries > 2 || !error.is_retryable() || self.chance.percent(30) {
                return Err(error);
            }
            validated = back;
            tokio::time::sleep(self.chance.millis(0, 3_000)).await;
        }
    }
}

//! One run: who meets there, and when.

use std::time::Duration;

use stepwell::{Error, Options, PipelineSpec, Submission, shutdown::ShutdownReport};
use tokio::time::{Instant, timeout};

use crate::{
    Chance,
    diary::Diary,
    fault::Focus,
    matrix::Matrix,
    nature::Nature,
    network::Network,
    oddity::{Oddity, STRANGERS_QUERY},
    others::{
        ARRIVED, blink, come_and_go, create, end_of_a_watch, make_fillers, make_one_before, meddle,
        remake, roll,
    },
    promise::{self, Broken},
    purpose::Purpose,
    scenario::Scenario,
    submitter::query,
    world::World,
};

/// After this time there is no end.
const ENDLESS: Duration = Duration::from_secs(2_000);

/// What a shutdown said.
#[derive(Debug)]
pub struct Ending {
    /// When the shutdown began: before, if an earlier call was dropped.
    pub shutdown_began: Instant,
    pub began: Instant,
    pub ended: Instant,
    /// Whether it was fine.
    pub fine: bool,
    pub report: ShutdownReport,
}

/// What the promises are held against, beside the world itself.
#[derive(Debug)]
pub struct Story {
    pub world: World,
    pub nature: Nature,
    pub scenario: Scenario,
    /// Whether somebody else meddles with the pipelines.
    pub rival: bool,
    pub diaries: Vec<Diary>,
    /// The shutdowns of each process, the last one last.
    pub shutdowns: Vec<Vec<Ending>>,
    /// What did not come to its end at all.
    pub endless: Vec<String>,
    /// What a new submission said when all was over.
    pub rerun: Option<Rerun>,
}

/// A submission when all is quiet again: the next run, which has to find what the ones before have left.
#[derive(Debug)]
pub struct Rerun {
    pub from: Instant,
    pub outcome: Result<String, Error>,
}

/// What a seed came to.
#[derive(Debug)]
pub struct Played {
    /// The promises that did not hold.
    pub broken: Vec<Broken>,
    /// What happened.
    pub trace: Vec<String>,
}

/// Plays one seed.
pub fn play(seed: u64, matrix: &Matrix) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let began = runtime.block_on(async { Instant::now() });
    let story = runtime.block_on(tell(seed, matrix));
    // Before the runtime goes down, and cuts what is left.
    let broken = promise::broken(&story);
    for said in promise::final_checkpoints_said(&story) {
        matrix.hit_final_checkpoint(&story.nature, said);
    }
    let mut trace = std::mem::take(&mut story.world.lock().trace);
    // With what each submission was told.
    for diary in &story.diaries {
        let pages = diary.read();
        let (who, policy) = (&pages.who, pages.on_shutdown);
        let told = pages.told.iter().map(|(at, told)| {
            let after = at.duration_since(began).as_secs_f64();
            format!("{after:.3} {told:?}")
        });
        trace.push(format!(
            "{who} ({policy:?}): {}",
            told.collect::<Vec<_>>().join("; ")
        ));
    }
    let (nature, rival) = (story.nature, story.rival);
    let scenario = story.scenario.names();
    trace.push(format!(
        "seed {seed}: {nature:?}, rival: {rival}, {scenario:?}"
    ));
    Played { broken, trace }
}

async fn tell(seed: u64, matrix: &Matrix) -> Story {
    let mut chance = Chance::new(seed);
    let focus = chance.percent(97).then(|| Focus::of_seed(seed));
    let scenario = Scenario::of_seed(seed);
    let nature = scenario.of(Nature::draw(focus, &mut chance));
    matrix.count_seed(&nature);
    matrix.count_scenario(&scenario);
    let world = World::start(nature, chance.fork());
    let by_id = ByIds::of_seed(seed);
    if scenario.oddity == Some(Oddity::OtherPipeline) {
        create(&world, "stranger", "stranger", STRANGERS_QUERY);
    }
    if nature.page.is_some() || chance.percent(10) {
        let count = 1 + chance.below(6);
        make_fillers(&world, &mut chance, count).await;
    }
    let resumes = focus.map(|focus| match focus.purpose {
        Purpose::Start | Purpose::Restart => 100,
        Purpose::CreateByPut | Purpose::CreateByPost | Purpose::Delete => 10,
        _ => 50,
    });
    if chance.percent(resumes.unwrap_or(50)) {
        let by_id = by_id.percent > 0 && nature.takes_ids() && !nature.mixed;
        make_one_before(&world, focus, by_id, &mut chance).await;
        if nature.page.is_some() && chance.percent(50) {
            let count = 1 + chance.below(3);
            make_fillers(&world, &mut chance, count).await;
        }
    }
    let resume = scenario.resume_id.then(|| {
        let inner = world.lock();
        let life = inner.lives.iter().find(|life| life.query == query(0));
        life.map_or_else(|| "nowhere".to_owned(), |life| life.id.clone())
    });
    let mut run = Run {
        scenario,
        resume,
        world: world.clone(),
        matrix: matrix.clone(),
        focus,
        chance,
        by_id,
        story: Story {
            world,
            nature,
            scenario,
            rival: false,
            diaries: Vec::new(),
            shutdowns: Vec::new(),
            endless: Vec::new(),
            rerun: None,
        },
    };
    run.go().await;
    run.story
}

pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) matrix: Matrix,
    pub(crate) focus: Option<Focus>,
    pub(crate) scenario: Scenario,
    /// The pipeline that all submissions are to resume.
    pub(crate) resume: Option<String>,
    pub(crate) chance: Chance,
    pub(crate) by_id: ByIds,
    pub(crate) story: Story,
}

/// How many submissions look for their pipelines by id. It has chance of its own: the rest of a seed stays as it is.
pub(crate) struct ByIds {
    chance: Chance,
    percent: u64,
}

impl ByIds {
    fn of_seed(seed: u64) -> Self {
        let mut chance = Chance::new(!seed);
        let percent = [0, 0, 70, 100][usize::try_from(chance.below(4)).unwrap()];
        Self { chance, percent }
    }

    pub(crate) fn draw(&mut self) -> bool {
        self.chance.percent(self.percent)
    }
}

impl Run {
    async fn go(&mut self) {
        self.story.rival = self.chance.percent(25);
        if self.story.rival {
            let (world, fork) = (self.world.clone(), self.chance.fork());
            tokio::spawn(meddle(world, fork, self.matrix.clone()));
        }
        if self.story.nature.page.is_some() {
            tokio::spawn(come_and_go(self.world.clone(), self.chance.fork()));
        }
        let processes = 1 + usize::from(self.chance.percent(30));
        let mut ends = Vec::new();
        if let Some(fleet) = self.scenario.fleet {
            ends.push(self.fleet(fleet));
        } else {
            self.spawn_others();
            for process in 0..processes {
                ends.push(self.process(process));
            }
        }
        for (process, end) in ends.into_iter().enumerate() {
            match timeout(ENDLESS, end).await {
                Ok(Ok(endings)) => self.story.shutdowns.push(endings),
                Ok(Err(failure)) => std::panic::resume_unwind(failure.into_panic()),
                Err(_) => {
                    self.story.shutdowns.push(Vec::new());
                    self.story.endless.push(format!("process {process}"));
                }
            }
        }
        tokio::time::sleep(ARRIVED).await;
        if !self.story.rival && self.scenario.fleet.is_none() {
            self.rerun().await;
        }
    }

    /// Others, as the scenario has them.
    fn spawn_others(&mut self) {
        let (world, scenario) = (self.world.clone(), self.scenario);
        if scenario.remade {
            self.story.rival = true;
            tokio::spawn(remake(world.clone(), scenario.chance("remake")));
        }
        if scenario.select {
            self.story.rival = true;
            tokio::spawn(end_of_a_watch(world.clone(), scenario.chance("watch")));
        }
        if scenario.blinks {
            tokio::spawn(blink(world.clone(), scenario.chance("blink")));
        }
        if let Some(rolled) = scenario.rolled {
            tokio::spawn(roll(world, rolled));
        }
    }

    async fn rerun(&mut self) {
        // No more of that: the longest restart is over by then.
        self.world.lock().nature.restarts = false;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let spec = PipelineSpec::builder(query(0)).name("spec0").force(true);
        let network = Network::new(&self.world, "rerun", 0, self.chance.fork(), &self.matrix);
        let from = Instant::now();
        let options = Options::default()
            .with_resolve_timeout(Duration::from_secs(60))
            .with_jitter_seed(self.chance.clone().draw());
        let submission = Submission::builder(network, spec.build().unwrap())
            .options(options)
            .build();
        let outcome = async {
            let validated = submission.connect().await?.validate().await?;
            Ok(validated.resolve().await?.id().to_string())
        };
        let outcome: Result<String, Error> = match timeout(ENDLESS, outcome).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.story.endless.push("the next run".to_owned());
                return;
            }
        };
        self.world.lock().note(format!("rerun: {outcome:?}"));
        self.story.rerun = Some(Rerun { from, outcome });
    }
}

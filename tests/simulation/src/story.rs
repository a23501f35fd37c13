//! One run: who meets there, and when.

use std::time::Duration;

use stepwell::{
    Error, Options, PipelineSpec, Shutdown, StopPolicy, Submission, shutdown::ShutdownReport,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    Chance,
    diary::{Diary, Told},
    fault::{Focus, Purpose},
    matrix::Matrix,
    nature::Nature,
    network::Network,
    others::{ARRIVED, come_and_go, make_fillers, make_one_before, meddle},
    promise::{self, Broken},
    submitter::{Place, REQUEST, STOP, Submitter, query},
    world::World,
};

/// After this time there is no end.
const ENDLESS: Duration = Duration::from_secs(2_000);

/// What a shutdown said.
#[derive(Debug)]
pub struct Ending {
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

/// Plays one seed.
///
/// # Errors
///
/// The first promise that did not hold.
pub fn play(seed: u64, matrix: &Matrix) -> Result<(), Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let story = runtime.block_on(tell(seed, matrix));
    let broken = promise::first_broken(&story);
    for said in promise::final_checkpoints_said(&story) {
        matrix.hit_final_checkpoint(&story.nature, said);
    }
    // Before the runtime goes down, and cuts what is left.
    let broken = broken.map(|(promise, what)| {
        let trace = story.world.lock().trace.join("\n");
        let (nature, rival) = (story.nature, story.rival);
        Broken {
            promise,
            story: format!("{trace}\n\nseed {seed}: {nature:?}, rival: {rival}\n{what}"),
        }
    });
    broken.map_or(Ok(()), Err)
}

async fn tell(seed: u64, matrix: &Matrix) -> Story {
    let mut chance = Chance::new(seed);
    let focus = chance.percent(97).then(|| Focus::of_seed(seed));
    let nature = Nature::draw(focus, &mut chance);
    matrix.count_seed(&nature);
    let world = World::start(nature, chance.fork());
    let by_id = ByIds::of_seed(seed);
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
    let mut run = Run {
        world: world.clone(),
        matrix: matrix.clone(),
        focus,
        chance,
        by_id,
        story: Story {
            world,
            nature,
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

struct Run {
    world: World,
    matrix: Matrix,
    focus: Option<Focus>,
    chance: Chance,
    by_id: ByIds,
    story: Story,
}

/// How many submissions look for their pipelines by id. It has chance of its own: the rest of a seed stays as it is.
struct ByIds {
    chance: Chance,
    percent: u64,
}

impl ByIds {
    fn of_seed(seed: u64) -> Self {
        let mut chance = Chance::new(!seed);
        let percent = [0, 0, 70, 100][usize::try_from(chance.below(4)).unwrap()];
        Self { chance, percent }
    }

    fn draw(&mut self) -> bool {
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
        for process in 0..processes {
            ends.push(self.process(process));
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
        if !self.story.rival {
            self.rerun().await;
        }
    }

    /// A process with its submissions, its shutdown and its signal.
    fn process(&mut self, process: usize) -> JoinHandle<Vec<Ending>> {
        let shutdown = Shutdown::new();
        let signal = std::sync::Arc::new(tokio::sync::Notify::new());
        self.world
            .lock()
            .signals
            .push(std::sync::Arc::clone(&signal));
        let creates = self.focus.is_some_and(|focus| focus.purpose.creates());
        let same = self.chance.percent(if creates { 30 } else { 60 });
        let count = match self.focus {
            Some(_) => 2 + self.chance.below(2),
            None => 1 + self.chance.below(3),
        };
        let mut submissions = Vec::new();
        for number in 0..count {
            let spec = if same { 0 } else { number };
            let who = format!("p{process}s{number}");
            submissions.push(self.submission(&who, spec, process, &shutdown));
        }
        let waits_for_failure = self
            .focus
            .is_some_and(|focus| focus.purpose == Purpose::Errors);
        let moment = if self.chance.percent(if waits_for_failure { 10 } else { 70 }) {
            self.chance.millis(0, 12_000)
        } else {
            // Long after everything.
            Duration::from_secs(200)
        };
        let again = self.chance.percent(50);
        let world = self.world.clone();
        tokio::spawn(async move {
            let _signal = timeout(moment, signal.notified()).await;
            let mut endings = vec![stop_all(&world, process, &shutdown).await];
            // A submission that was given up may have been the last to know.
            for submission in submissions {
                submission.await.unwrap();
            }
            if again && !endings[0].fine {
                endings.push(stop_all(&world, process, &shutdown).await);
            }
            endings
        })
    }

    /// One submission, and perhaps another one after it when its caller went away.
    fn submission(
        &mut self,
        who: &str,
        spec: u64,
        process: usize,
        shutdown: &Shutdown,
    ) -> JoinHandle<()> {
        let mut place = Place {
            by_id: self.by_id.draw(),
            world: &self.world,
            matrix: &self.matrix,
            process,
            focus: self.focus,
            shutdown,
        };
        let first = Submitter::draw(who, spec, &place, &mut self.chance);
        place.by_id = self.by_id.draw();
        let second = Submitter::draw(&format!("{who}again"), spec, &place, &mut self.chance);
        self.story.diaries.push(first.diary.clone());
        self.story.diaries.push(second.diary.clone());
        let (before, between) = (self.chance.millis(0, 1_500), self.chance.millis(0, 3_000));
        let (again, attaches) = (self.chance.percent(60), self.chance.percent(30));
        let world = self.world.clone();
        tokio::spawn(async move {
            tokio::time::sleep(before).await;
            let diary = first.diary.clone();
            Box::pin(first.run()).await;
            let dropped = matches!(diary.read().told.last(), Some((_, Told::Dropped)));
            if !dropped || !again {
                return;
            }
            tokio::time::sleep(between).await;
            let known = {
                let inner = world.lock();
                let lives = inner.lives.iter().rev();
                let mut same = lives.filter(|life| life.query == query(spec));
                same.next().map(|life| life.id.clone())
            };
            match known.filter(|_| attaches) {
                Some(id) => Box::pin(second.attach(id)).await,
                None => Box::pin(second.run()).await,
            }
        })
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

async fn stop_all(world: &World, process: usize, shutdown: &Shutdown) -> Ending {
    let began = Instant::now();
    world.lock().note(format!("p{process}: stop_all"));
    let policy = StopPolicy::builder().deadline(STOP).build();
    let outcome = shutdown.stop_all(policy).await;
    let text = match &outcome {
        Ok(report) => format!("p{process}: stop_all: {report}"),
        Err(error) => format!("p{process}: stop_all failed: {error}"),
    };
    world.lock().note(text);
    let (fine, report) = match outcome {
        Ok(report) => (true, report),
        Err(error) => (false, error.report),
    };
    Ending {
        began,
        ended: Instant::now(),
        fine,
        report,
    }
}

/// What `stop_all` may take: its deadline and one request, which there is given 10 s.
pub const STOP_ALL: Duration = STOP.saturating_add(REQUEST.saturating_mul(2));

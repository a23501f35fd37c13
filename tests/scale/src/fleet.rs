//! Orchestrators that start at the same time, each with one pipeline.

use std::time::Duration;

use stepwell::{
    Error, Options, PipelineId, PipelineSpec, Submission,
    spec::FindBy,
    transport::{SharedTransport, Transport as _},
};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    caller::Caller,
    control_plane::{ControlPlane, Model},
    load::Load,
};

/// How a pipeline is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Find {
    /// In the list.
    List,
    /// By its id.
    Id,
}

/// The chance in stepwell's pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// Each submission has its own.
    Own,
    /// All have the same: who was turned away in the same moment comes back in the same moment.
    InStep,
}

/// How fast is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pace {
    /// As stepwell does.
    Stepwell,
    /// Every 100 ms, whatever was answered.
    Fixed,
}

/// When they start, and what they find.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Start {
    /// Within so much time, evenly.
    pub within: Duration,
    /// Whether their pipelines are there, and run.
    pub there: bool,
}

impl Start {
    #[must_use]
    pub fn new(within: Duration, there: bool) -> Self {
        Self { within, there }
    }
}

const OTHER: &str = "SELECT 'another'";

#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Fleet {
    pub orchestrators: usize,
    /// How many pipelines the control plane holds.
    pub held: usize,
    /// How many pipelines one row of the list stands for. The newest, one for each orchestrator, are rows of their own.
    pub weight: usize,
    pub model: Model,
    pub find: Find,
    pub pace: Pace,
    pub jitter: Jitter,
    pub start: Start,
    /// Whether the deadlines are a day, and not stepwell's own.
    pub patient: bool,
    pub seed: u64,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            orchestrators: 1_000,
            held: 100_000,
            weight: 100,
            model: Model::default(),
            find: Find::List,
            pace: Pace::Stepwell,
            jitter: Jitter::Own,
            start: Start::new(Duration::from_secs(1), true),
            patient: false,
            seed: 1,
        }
    }
}

/// What came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    pub load: Load,
    /// How many pipelines were seen Running.
    pub running: usize,
    /// How many submissions ended with an error.
    pub gave_up: usize,
    /// How long it took until the last of `running` was seen Running.
    pub last: Duration,
}

impl Fleet {
    /// Plays it, on a paused clock of its own.
    #[must_use]
    pub fn play(self) -> Outcome {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(self.run())
    }

    async fn run(self) -> Outcome {
        let began = Instant::now();
        let plane = self.plane();
        let mut chance = Chance(self.seed);
        let mut orchestrators = JoinSet::new();
        for number in 0..self.orchestrators {
            let wait = self.start.within.mul_f64(chance.fraction());
            let own_seed = chance.draw();
            let orchestrator = Orchestrator {
                fleet: self,
                transport: plane.clone().into_shared(),
                spec: self.spec(number),
                options: self.options(match self.jitter {
                    Jitter::Own => own_seed,
                    Jitter::InStep => self.seed,
                }),
            };
            orchestrators.spawn(async move {
                tokio::time::sleep(wait).await;
                orchestrator.submit().await
            });
        }
        let mut outcome = Outcome {
            load: plane.load(),
            running: 0,
            gave_up: 0,
            last: Duration::ZERO,
        };
        while let Some(submitted) = orchestrators.join_next().await {
            match submitted.unwrap() {
                Ok(()) => {
                    outcome.running += 1;
                    outcome.last = began.elapsed();
                }
                Err(GaveUp) => outcome.gave_up += 1,
            }
        }
        outcome.load = plane.load();
        outcome
    }

    fn plane(self) -> ControlPlane {
        let plane = ControlPlane::new(self.model);
        let theirs = if self.start.there {
            self.orchestrators
        } else {
            0
        };
        let one_by_one = self.orchestrators.min(self.held);
        let mut older = self.held - one_by_one;
        while older > 0 {
            let weight = self.weight.min(older);
            plane.hold(&format!("pl_old_{older}"), "other", OTHER, weight);
            older -= weight;
        }
        for number in theirs..one_by_one {
            plane.hold(&format!("pl_{number}"), "other", OTHER, 1);
        }
        for number in 0..theirs {
            let spec = self.spec(number);
            plane.hold(id(&spec).as_str(), spec.name(), spec.query(), 1);
        }
        plane
    }

    fn spec(self, number: usize) -> PipelineSpec {
        let find_by = match self.find {
            Find::List => FindBy::Query,
            Find::Id => FindBy::Id,
        };
        PipelineSpec::builder(format!("SELECT {number} FROM orders"))
            .name(format!("orders-{number}"))
            .find_by(find_by)
            .force(true)
            .build()
            .unwrap()
    }

    fn options(self, jitter_seed: u64) -> Options {
        let options = Options::default().with_jitter_seed(jitter_seed);
        if !self.patient {
            return options;
        }
        let day = Duration::from_secs(24 * 60 * 60);
        options
            .with_request_timeout(day)
            .with_connect_timeout(day)
            .with_validate_timeout(day)
            .with_resolve_timeout(day)
            .with_running_timeout(day)
    }
}

pub(crate) fn id(spec: &PipelineSpec) -> PipelineId {
    PipelineId::for_spec("", spec.name(), spec.query())
}

/// It did not get its pipeline Running.
#[derive(Debug)]
pub(crate) struct GaveUp;

struct Orchestrator {
    fleet: Fleet,
    transport: SharedTransport,
    spec: PipelineSpec,
    options: Options,
}

impl Orchestrator {
    async fn submit(self) -> Result<(), GaveUp> {
        if self.fleet.pace == Pace::Fixed {
            let caller = Caller::new(self.transport, self.spec, self.options);
            return caller.submit(self.fleet.find == Find::Id).await;
        }
        Box::pin(self.steps()).await.map_err(|_error| GaveUp)
    }

    async fn steps(self) -> Result<(), Error> {
        let submission = Submission::builder(self.transport, self.spec)
            .options(self.options)
            .build();
        let validated = submission.connect().await?.validate().await?;
        let registered = validated.resolve().await?.register();
        let running = registered.wait_until_running().await?;
        let _ = running.detach();
        Ok(())
    }
}

/// Chance that is the same every time, after splitmix64.
struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// From 0 to less than 1.
    fn fraction(&mut self) -> f64 {
        let bits = u32::try_from(self.draw() >> 32).unwrap();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

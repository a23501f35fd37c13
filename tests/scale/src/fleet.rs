//! Orchestrators that start together, each with one pipeline.

use std::time::Duration;

use stepwell::{
    Error, Options, PipelineSpec, Submission,
    spec::FindBy,
    transport::{SharedTransport, Transport as _},
};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    caller::{Caller, GaveUp, id},
    control_plane::{Model, SimulatedPlane},
    load::Load,
};

/// The seeds of the jitter in stepwell's pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JitterSeeds {
    /// Each submission has its own seed.
    Own,
    /// All have the same seed, so that clients that are refused at the same time return at the same time.
    InStep,
}

/// When a failed request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryAgain {
    /// With stepwell's backoff.
    Stepwell,
    /// Every 100 ms.
    Fixed,
}

/// When the orchestrators start, and whether their pipelines exist.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Start {
    /// The starts are spread evenly over this time.
    pub within: Duration,
    /// Whether their pipelines exist and are running.
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
    /// The number of pipelines that the control plane holds.
    pub held: usize,
    /// The number of pipelines that one row of the list stands for. The newest pipelines, one for each orchestrator, have their own rows.
    pub weight: usize,
    pub model: Model,
    pub find_by: FindBy,
    pub try_again: TryAgain,
    pub jitter_seeds: JitterSeeds,
    pub start: Start,
    /// Whether the deadlines are a day instead of stepwell's own.
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
            find_by: FindBy::Query,
            try_again: TryAgain::Stepwell,
            jitter_seeds: JitterSeeds::Own,
            start: Start::new(Duration::from_secs(1), true),
            patient: false,
            seed: 1,
        }
    }
}

/// The result of a simulation.
#[derive(Debug)]
#[non_exhaustive]
pub struct FleetOutcome {
    pub load: Load,
    /// The number of pipelines that were seen Running.
    pub running: usize,
    /// The number of submissions that failed.
    pub gave_up: usize,
    /// The time until the last pipeline was seen Running.
    pub last: Duration,
}

impl Fleet {
    /// Runs the simulation on its own paused clock.
    #[must_use]
    pub fn play(self) -> FleetOutcome {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(self.run())
    }

    async fn run(self) -> FleetOutcome {
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
                options: self.options(match self.jitter_seeds {
                    JitterSeeds::Own => own_seed,
                    JitterSeeds::InStep => self.seed,
                }),
            };
            orchestrators.spawn(async move {
                tokio::time::sleep(wait).await;
                orchestrator.submit().await
            });
        }
        let mut outcome = FleetOutcome {
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

    fn plane(self) -> SimulatedPlane {
        let plane = SimulatedPlane::new(self.model);
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
        PipelineSpec::builder(format!("SELECT {number} FROM orders"))
            .name(format!("orders-{number}"))
            .find_by(self.find_by)
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

struct Orchestrator {
    fleet: Fleet,
    transport: SharedTransport,
    spec: PipelineSpec,
    options: Options,
}

impl Orchestrator {
    async fn submit(self) -> Result<(), GaveUp> {
        if self.fleet.try_again == TryAgain::Fixed {
            let caller = Caller::new(self.transport, self.spec, self.options);
            return caller.submit(self.fleet.find_by == FindBy::Id).await;
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

/// A deterministic random number generator (splitmix64).
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

//! Orchestrators that start at the same time, each with one pipeline.

use std::{sync::Arc, time::Duration};

use stepwell::{
    Error, FindBy, Options, PipelineId, PipelineSpec, Submission,
    arroyo::Client,
    transport::{SharedTransport, Transport as _},
};
use tokio::{sync::OnceCell, task::JoinSet, time::Instant};

use crate::{
    caller::Caller,
    control_plane::{ControlPlane, Model},
    load::Load,
};

/// How a pipeline is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Find {
    /// In the list, which each reads for itself.
    List,
    /// As `List`, but so many read it together: one reads, and the others look at the id then, in the place of an inventory.
    ListOnceFor(usize),
    /// By its id.
    Id,
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

#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Fleet {
    pub orchestrators: usize,
    /// How many pipelines the control plane holds.
    pub held: usize,
    /// How many rows of the list stand for these.
    pub rows: usize,
    pub model: Model,
    pub find: Find,
    pub pace: Pace,
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
            rows: 1_000,
            model: Model::default(),
            find: Find::List,
            pace: Pace::Stepwell,
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
        let mut inventory = Arc::default();
        for number in 0..self.orchestrators {
            if let Find::ListOnceFor(specs) = self.find
                && number % specs == 0
            {
                inventory = Arc::default();
            }
            let orchestrator = Orchestrator {
                fleet: self,
                transport: plane.clone().into_shared(),
                spec: self.spec(number),
                inventory: Arc::clone(&inventory),
            };
            let wait = self.start.within.mul_f64(chance.fraction());
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
        let weight = self.held / self.rows;
        let theirs = if self.start.there {
            self.orchestrators
        } else {
            0
        };
        for number in theirs..self.rows {
            let id = format!("pl_{number}");
            plane.hold(&id, "other", "SELECT 'another'", weight);
        }
        for number in 0..theirs {
            let spec = self.spec(number);
            plane.hold(id(&spec).as_str(), spec.name(), spec.query(), weight);
        }
        plane
    }

    fn spec(self, number: usize) -> PipelineSpec {
        let find_by = match self.find {
            Find::List => FindBy::Query,
            Find::ListOnceFor(_) | Find::Id => FindBy::Id,
        };
        PipelineSpec::builder(format!("SELECT {number} FROM orders"))
            .name(format!("orders-{number}"))
            .find_by(find_by)
            .force(true)
            .build()
            .unwrap()
    }

    fn options(self) -> Options {
        let options = Options::builder();
        if !self.patient {
            return options.build();
        }
        let day = Duration::from_secs(24 * 60 * 60);
        options
            .request_timeout(day)
            .connect_timeout(day)
            .validate_timeout(day)
            .resolve_timeout(day)
            .running_timeout(day)
            .build()
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
    /// The list that it shares with others; whether it could be read.
    inventory: Arc<OnceCell<bool>>,
}

impl Orchestrator {
    async fn submit(self) -> Result<(), GaveUp> {
        if self.fleet.pace == Pace::Fixed {
            let caller = Caller::new(self.transport, self.spec);
            return caller.submit(self.fleet.find == Find::Id).await;
        }
        Box::pin(self.steps()).await.map_err(|_error| GaveUp)?
    }

    async fn steps(self) -> Result<Result<(), GaveUp>, Error> {
        let options = self.fleet.options();
        let timeouts = (options.request_timeout(), options.resolve_timeout());
        let submission = Submission::builder(self.transport.clone(), self.spec)
            .options(options)
            .build();
        let validated = submission.connect().await?.validate().await?;
        if let Find::ListOnceFor(_) = self.fleet.find {
            let client = Client::new(self.transport);
            let read = || read_list(client, timeouts);
            if !*self.inventory.get_or_init(read).await {
                return Ok(Err(GaveUp));
            }
        }
        let registered = validated.resolve().await?.register();
        let running = registered.wait_until_running().await?;
        let _ = running.detach();
        Ok(Ok(()))
    }
}

/// Reads the list as `resolve` does, within the same time.
async fn read_list(client: Client, (request, resolve): (Duration, Duration)) -> bool {
    let until = Instant::now() + resolve;
    let left = || until.saturating_duration_since(Instant::now());
    client
        .within(request)
        .all_pipelines_within(left)
        .await
        .is_ok()
}

/// Chance that is the same every time, after splitmix64.
struct Chance(u64);

impl Chance {
    /// From 0 to less than 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = u32::try_from((value ^ (value >> 31)) >> 32).unwrap();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

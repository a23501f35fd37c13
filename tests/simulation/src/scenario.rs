//! What a seed has beyond the ordinary. It has chance of its own, so that the story of a seed without it stays as it is.

use std::time::Duration;

use crate::{Chance, nature::Nature, oddity::Oddity};

/// So many of a thousand seeds have each of these.
const SHARES: [(u64, Kind); 13] = [
    (30, Kind::Lag),
    (60, Kind::Oddity),
    (15, Kind::Blinks),
    (20, Kind::Remade),
    (15, Kind::Rolled),
    (20, Kind::Select),
    (15, Kind::Given),
    (15, Kind::ResumeId),
    (10, Kind::NoTasks),
    (20, Kind::Dropped),
    (10, Kind::DetachedLate),
    (40, Kind::FailsAgain),
    (60, Kind::Changes),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lag,
    Oddity,
    Blinks,
    Remade,
    Rolled,
    Select,
    Given,
    ResumeId,
    NoTasks,
    Dropped,
    DetachedLate,
    FailsAgain,
    Changes,
}

/// How many pipelines stand under one shutdown, and what keeps them from stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fleet {
    /// They take longer for their final checkpoint than there is time.
    Slow,
    /// The server takes requests and answers none.
    Hung,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Scenario {
    /// A reader that is behind for that long.
    pub lag: Option<Duration>,
    /// What else a request can be answered.
    pub oddity: Option<Oddity>,
    /// Jobs fail and recover between two looks.
    pub blinks: bool,
    /// Another client deletes a pipeline and makes it anew under its id.
    pub remade: bool,
    /// Nodes without `PUT` come or go while all goes on: when.
    pub rolled: Option<Rolled>,
    /// `ended` is called again and again.
    pub select: bool,
    /// All submissions choose one id.
    pub given: bool,
    /// All submissions resume the pipeline that is there, by its id.
    pub resume_id: bool,
    /// Jobs run without tasks.
    pub no_tasks: bool,
    /// After how long the first `stop_all` is dropped.
    pub dropped: Option<Duration>,
    /// Pipelines are detached while they are shut down.
    pub detached_late: bool,
    /// Each run fails soon, and the job with it: a restart in doubt may have had its run already.
    pub fails_again: bool,
    /// What runs is updated, stopped and started, deleted, or replaced.
    pub changes: bool,
    pub fleet: Option<Fleet>,
    seed: u64,
}

/// A rolling upgrade, or its undoing.
#[derive(Clone, Copy, Debug)]
pub struct Rolled {
    pub after: Duration,
    /// Whether nodes with `PUT` come, or go.
    pub gains: bool,
}

impl Scenario {
    pub fn of_seed(seed: u64) -> Self {
        let mut chance = Chance::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5ce9);
        let (fleet, mut drawn) = (chance.below(1_000), chance.below(1_000));
        let mut scenario = Self {
            seed: chance.draw(),
            ..Self::default()
        };
        match fleet {
            0..=2 => scenario.fleet = Some(Fleet::Slow),
            3..=4 => scenario.fleet = Some(Fleet::Hung),
            _ => {
                for (share, kind) in SHARES {
                    if drawn < share {
                        scenario.have(kind, &mut chance);
                        break;
                    }
                    drawn -= share;
                }
            }
        }
        scenario
    }

    /// Chance for one of those that the scenario is about.
    pub fn chance(&self, of: &str) -> Chance {
        let salt = of.bytes().fold(7, |salt: u64, byte| {
            salt.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Chance::new(self.seed ^ salt)
    }

    fn have(&mut self, kind: Kind, chance: &mut Chance) {
        match kind {
            Kind::Lag => self.lag = Some(chance.millis(3_000, 15_000)),
            Kind::Oddity => self.oddity = Some(Oddity::draw(chance)),
            Kind::Blinks => self.blinks = true,
            Kind::Remade => self.remade = true,
            Kind::Rolled => {
                self.rolled = Some(Rolled {
                    after: chance.millis(0, 15_000),
                    gains: chance.percent(50),
                });
            }
            Kind::Select => self.select = true,
            Kind::Given => self.given = true,
            Kind::ResumeId => self.resume_id = true,
            Kind::NoTasks => self.no_tasks = true,
            Kind::FailsAgain => self.fails_again = true,
            Kind::Changes => self.changes = true,
            Kind::DetachedLate => self.detached_late = true,
            Kind::Dropped => self.dropped = Some(chance.millis(0, 20_000)),
        }
    }

    /// What it has, for the count of the seeds.
    pub fn names(&self) -> Vec<String> {
        let has = [
            (self.lag.is_some(), "lag"),
            (self.blinks, "blinks"),
            (self.remade, "made anew"),
            (self.rolled.is_some(), "rolling upgrade"),
            (self.select, "select loop"),
            (self.given, "given id"),
            (self.resume_id, "resume by id"),
            (self.no_tasks, "no tasks"),
            (self.dropped.is_some(), "stop_all dropped"),
            (self.detached_late, "detached late"),
            (self.fails_again, "fails again"),
            (self.changes, "changes"),
            (self.fleet.is_some(), "fleet"),
        ];
        let has = has.into_iter().filter(|(has, _)| *has);
        let names = has.map(|(_, name)| name.to_owned());
        let oddity = self.oddity.map(|oddity| format!("{oddity:?}"));
        names.chain(oddity).collect()
    }

    /// The server as it is drawn, with what the scenario changes of it.
    pub fn of(&self, nature: Nature) -> Nature {
        let mut nature = nature;
        if let Some(lag) = self.lag {
            nature.lag = lag;
        }
        if self.remade || self.rolled.is_some() {
            nature.generation = stepwell_control_plane::Generation::V0_16;
        }
        if self.rolled.is_some() {
            nature.mixed = true;
        }
        nature.no_tasks = self.no_tasks;
        if self.fails_again {
            nature.fails_again = true;
            nature.failing = 100;
            nature.generation = stepwell_control_plane::Generation::V0_16;
        }
        if self.blinks {
            nature.blinks = true;
            nature.tick = 100;
            nature.failing = 0;
            nature.finite = 0;
        }
        nature
    }
}

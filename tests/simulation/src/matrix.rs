//! How often each fault met each kind of request.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex},
};

use crate::{
    fault::{FAULTS, Fault},
    nature::Nature,
    oddity::{ODDITIES, Oddity},
    purpose::{PURPOSES, Purpose},
    scenario::Scenario,
};

/// So many seeds show whether the matrix is full.
pub const ENOUGH: u64 = 10_000;

/// So often in them each fault meets each kind of request that it can meet.
pub const FLOOR: u64 = 45;

/// How often each was said, by the generation of the server.
type Said = BTreeMap<(String, Option<bool>), u64>;

#[derive(Clone, Debug, Default)]
pub struct Matrix {
    hits: Arc<Mutex<BTreeMap<(Purpose, Fault), u64>>>,
    /// How many seeds had a server of each generation.
    seeds: Arc<Mutex<BTreeMap<String, u64>>>,
    /// How often each oddity was met, by its name, and how many seeds had each part of a scenario.
    others: Arc<Mutex<BTreeMap<String, u64>>>,
    /// What stops have said of final checkpoints, by the generation: a library that never knows breaks no promise.
    said: Arc<Mutex<Said>>,
}

impl Matrix {
    pub fn hit(&self, purpose: Purpose, fault: Fault) {
        *self
            .hits
            .lock()
            .unwrap()
            .entry((purpose, fault))
            .or_default() += 1;
    }

    pub fn hit_oddity(&self, oddity: Oddity) {
        self.hit_other(format!("{oddity:?}"));
    }

    /// Counts a seed for each part of its scenario.
    pub fn count_scenario(&self, scenario: &Scenario) {
        for name in scenario.names() {
            self.hit_other(format!("seeds with {name}"));
        }
    }

    fn hit_other(&self, name: String) {
        *self.others.lock().unwrap().entry(name).or_default() += 1;
    }

    pub fn hit_final_checkpoint(&self, nature: &Nature, said: Option<bool>) {
        let mut all = self.said.lock().unwrap();
        *all.entry((format!("{:?}", nature.generation), said))
            .or_default() += 1;
    }

    pub fn count_seed(&self, nature: &Nature) {
        let mut name = format!("{:?}", nature.generation);
        if nature.mixed {
            name.push_str(", some nodes without PUT");
        }
        *self.seeds.lock().unwrap().entry(name).or_default() += 1;
    }

    pub fn seeds(&self) -> BTreeMap<String, u64> {
        self.seeds.lock().unwrap().clone()
    }

    pub fn merge(&self, other: &Self) {
        let mut seeds = self.seeds.lock().unwrap();
        for (generation, count) in other.seeds.lock().unwrap().iter() {
            *seeds.entry(generation.clone()).or_default() += count;
        }

        let mut others = self.others.lock().unwrap();
        for (name, count) in other.others.lock().unwrap().iter() {
            *others.entry(name.clone()).or_default() += count;
        }

        let mut said = self.said.lock().unwrap();
        for (cell, count) in other.said.lock().unwrap().iter() {
            *said.entry(cell.clone()).or_default() += count;
        }

        let mut hits = self.hits.lock().unwrap();
        for (cell, count) in other.hits.lock().unwrap().iter() {
            *hits.entry(*cell).or_default() += count;
        }
    }

    fn count(&self, purpose: Purpose, fault: Fault) -> u64 {
        let hits = self.hits.lock().unwrap();
        hits.get(&(purpose, fault)).copied().unwrap_or_default()
    }

    /// The cells that `seeds` seeds have not hit often enough.
    pub fn too_rare(&self, seeds: u64) -> Vec<String> {
        let floor = FLOOR * seeds / ENOUGH;
        let mut rare = Vec::new();
        for purpose in PURPOSES {
            for fault in FAULTS.into_iter().filter(|fault| fault.concerns(purpose)) {
                let count = self.count(purpose, fault);
                if count < floor {
                    rare.push(format!("{purpose:?} × {fault:?}: {count}"));
                }
            }
        }
        let others = self.others.lock().unwrap();
        for oddity in ODDITIES {
            let name = format!("{oddity:?}");
            let count = others.get(&name).copied().unwrap_or_default();
            if count < floor / 5 {
                rare.push(format!("{name}: {count}"));
            }
        }
        let said = self.said.lock().unwrap();
        let generations: BTreeSet<_> = said.keys().map(|(generation, _)| generation).collect();
        for generation in generations {
            for what in [Some(true), Some(false)] {
                let cell = (generation.clone(), what);
                let count = said.get(&cell).copied().unwrap_or_default();
                if count < floor {
                    rare.push(format!(
                        "final checkpoint {what:?} of {generation}: {count}"
                    ));
                }
            }
        }
        rare
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<14}", "")?;
        for purpose in PURPOSES {
            write!(formatter, "{:>13}", format!("{purpose:?}"))?;
        }
        for fault in [Fault::None].into_iter().chain(FAULTS) {
            write!(formatter, "\n{:<14}", format!("{fault:?}"))?;
            for purpose in PURPOSES {
                if fault.concerns(purpose) {
                    write!(formatter, "{:>13}", self.count(purpose, fault))?;
                } else {
                    write!(formatter, "{:>13}", "–")?;
                }
            }
        }
        for (name, count) in self.others.lock().unwrap().iter() {
            write!(formatter, "\n{name}: {count}")?;
        }
        for ((generation, said), count) in self.said.lock().unwrap().iter() {
            write!(
                formatter,
                "\nfinal checkpoint {said:?} of {generation}: {count}"
            )?;
        }
        Ok(())
    }
}

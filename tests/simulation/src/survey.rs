//! Playing many seeds, and counting what fails by promise and kind.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{matrix::Matrix, promise::Broken, story::play};

/// What a range of seeds came to.
#[derive(Debug, Default)]
pub struct Survey {
    failures: BTreeMap<(&'static str, String), Failure>,
    seeds: u64,
    failed: u64,
}

/// One kind of failure.
#[derive(Debug, Default)]
struct Failure {
    /// In order.
    seeds: BTreeSet<u64>,
    /// What was not kept under the first of them.
    what: String,
}

/// The seeds in a text: a number of them, or a range such as `100..200`.
pub fn seeds_in(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((from, to)) => Some(from.parse().ok()?..to.parse().ok()?),
        None => Some(0..text.parse().ok()?),
    }
}

impl Survey {
    /// Plays all of them on all cores.
    pub fn of(seeds: Range<u64>, matrix: &Matrix) -> Self {
        let next = AtomicU64::new(seeds.start);
        let survey = Mutex::new(Self::default());
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mine = Matrix::default();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            break;
                        }
                        let broken = play(seed, &mine).broken;
                        survey.lock().unwrap().add(seed, broken);
                    }
                    matrix.merge(&mine);
                });
            }
        });
        survey.into_inner().unwrap()
    }

    pub fn is_clean(&self) -> bool {
        self.failed == 0
    }

    fn add(&mut self, seed: u64, broken: Vec<Broken>) {
        self.seeds += 1;
        self.failed += u64::from(!broken.is_empty());
        for broken in broken {
            let kind = (broken.promise, broken.kind().to_owned());
            let failure = self.failures.entry(kind).or_default();
            failure.seeds.insert(seed);
            // The same whatever the number of cores.
            if failure.seeds.first() == Some(&seed) {
                failure.what = broken.what;
            }
        }
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} of {} seeds failed", self.failed, self.seeds)?;
        let mut failures: Vec<_> = self.failures.iter().collect();
        failures.sort_by_key(|(_, failure)| failure.seeds.first());
        for ((promise, kind), failure) in failures {
            let count = failure.seeds.len();
            let Some(first) = failure.seeds.first() else {
                continue;
            };
            let seeds: Vec<_> = failure.seeds.iter().take(12).map(u64::to_string).collect();
            writeln!(formatter, "\nnot kept under seed {first}: {promise}")?;
            writeln!(formatter, "{count} seeds: {kind}: {}", seeds.join(", "))?;
            writeln!(formatter, "{}", failure.what)?;
        }
        Ok(())
    }
}

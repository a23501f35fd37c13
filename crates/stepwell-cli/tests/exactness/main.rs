//! Exactness with real processes. Finite queries are stopped and killed at random, or their standard output is closed or full, and they are run
//! again until they finish. Their files must then have each row exactly once. Standard output must have each row at least once, counted from the
//! last checkpoint, and exactly once after a stop with a checkpoint.
//!
//! `STEPWELL_SEEDS=1000 cargo test -p stepwell-cli --test exactness` plays more, and `STEPWELL_SEED=17` one.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod check;
mod ends;
mod full;
mod input;
mod interruption;
mod neighbours;
mod program;
mod store;
mod story;
#[path = "../support/mod.rs"]
mod support;

use std::{
    env,
    ops::Range,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use input::Input;
use program::Program;
use stepwell_control_plane::testing::Chance;
use story::{Story, Tally};
use tempfile::TempDir;

const SEEDS: u64 = 40;
/// The number of parallel stories. A run mostly waits for its rate or for the disk.
const THREADS: usize = 6;
/// For the input file.
const ROWS: u64 = 60_000;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// The seeds to play: the first few, or the one in the environment.
pub(crate) fn seeds(few: u64) -> Range<u64> {
    match number("STEPWELL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..few,
    }
}

/// The seeds for tests that take seconds each: a tenth of them.
pub(crate) fn few_seeds(few: u64) -> Range<u64> {
    seeds(number("STEPWELL_SEEDS").map_or(few, |all| few.max(all / 10)))
}

pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn rows_are_exact_however_runs_end() {
    let shared = directory();
    let input = Input::write(shared.path(), ROWS);
    let Range {
        start: from,
        end: seeds,
    } = match number("STEPWELL_SEEDS") {
        Some(all) => seeds(all),
        None => seeds(SEEDS),
    };
    let next = AtomicU64::new(from);
    let tally = Mutex::new(Tally::default());
    let broken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    match play(seed, &input) {
                        Ok(of_seed) => tally.lock().unwrap().add(&of_seed),
                        Err(story) => broken.lock().unwrap().push(story),
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    if !broken.is_empty() {
        // The query contains the path of the input file.
        let _ = shared.keep();
        panic!("{} seeds:\n{}", broken.len(), broken.join("\n"));
    }
    let tally = tally.into_inner().unwrap();
    println!("{tally:?}");
    if seeds - from >= SEEDS {
        assert!(
            tally.resumed > 0 && tally.fallbacks > 0 && tally.kept > 0,
            "met too rarely: {tally:?}"
        );
    }
}

/// What was covered, or what was broken and where.
fn play(seed: u64, input: &Input) -> Result<Tally, String> {
    let directory = directory();
    let mut chance = Chance::new(seed);
    let program = Program::choose(&mut chance);
    let mut story = Story::begin(input, directory.path(), program);
    match story.play(&mut chance) {
        Ok(()) => Ok(story.tally),
        Err(error) => {
            let told = story.told.join("\n");
            let kept: &Path = &directory.keep();
            Err(format!(
                "seed {seed}: {error}\n{told}\nit is all in {}\n",
                kept.display()
            ))
        }
    }
}

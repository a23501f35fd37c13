//! The promises, under a number of seeds: `STEPWELL_SEEDS=1000000 cargo test --release --test simulation` for more of them, and
//! `STEPWELL_SEED=17` for one, with everything that was sent.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{
    env,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use simulation::{
    matrix::{ENOUGH, Matrix},
    promise::Broken,
    story::play,
};

/// So many in an unoptimised build, which a change must pass.
const SEEDS: u64 = if cfg!(debug_assertions) {
    1_000
} else {
    ENOUGH
};

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn the_promises_hold() {
    if let Some(seed) = number("STEPWELL_SEED") {
        if let Err(broken) = play(seed, &Matrix::default()) {
            panic!("not kept: {}\n{}", broken.promise, broken.story);
        }
        return;
    }
    let seeds = number("STEPWELL_SEEDS").unwrap_or(SEEDS);
    let matrix = Matrix::default();
    let first = first_broken(seeds, &matrix);
    println!("{matrix}");
    for (generation, count) in matrix.seeds() {
        println!("{generation}: {count} seeds");
    }
    if let Some((seed, broken)) = first {
        panic!(
            "not kept under seed {seed}: {}\n{}",
            broken.promise, broken.story
        );
    }
    // Fewer say nothing of how often a cell is met.
    if seeds >= ENOUGH {
        let rare = matrix.too_rare(seeds);
        assert!(rare.is_empty(), "met too rarely: {rare:#?}");
    }
}

/// Plays all of them on all cores, and finds the first that fails.
fn first_broken(seeds: u64, matrix: &Matrix) -> Option<(u64, Broken)> {
    let next = AtomicU64::new(0);
    let end = AtomicU64::new(seeds);
    let first: Mutex<Option<(u64, Broken)>> = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mine = Matrix::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end.load(Ordering::Relaxed) {
                        break;
                    }
                    let Err(broken) = play(seed, &mine) else {
                        continue;
                    };
                    // Those before it are played to the end: the first is the same whatever the number of cores.
                    end.fetch_min(seed, Ordering::Relaxed);
                    let mut first = first.lock().unwrap();
                    if first.as_ref().is_none_or(|(other, _)| seed < *other) {
                        *first = Some((seed, broken));
                    }
                }
                matrix.merge(&mine);
            });
        }
    });
    first.into_inner().unwrap()
}

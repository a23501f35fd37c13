//! The promises, under a number of seeds: `STEPWELL_SEEDS=1000000 cargo test --release --test simulation` for more of them,
//! `STEPWELL_SEEDS=200..300` for a range, and `STEPWELL_SEED=17` for one, with everything that was sent.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{env, fmt::Write as _, ops::Range};

use simulation::{
    matrix::{ENOUGH, Matrix},
    story::play,
    survey::{Survey, seeds_in},
};

/// So many in an unoptimised build, which a change must pass.
const SEEDS: u64 = if cfg!(debug_assertions) {
    1_000
} else {
    ENOUGH
};

#[test]
fn the_promises_hold() {
    if let Ok(seed) = env::var("STEPWELL_SEED") {
        return play_one(seed.parse().unwrap());
    }
    let seeds = env::var("STEPWELL_SEEDS").map_or(0..SEEDS, |text| seeds_in(&text).unwrap());
    play_all(seeds);
}

fn play_one(seed: u64) {
    let played = play(seed, &Matrix::default());
    println!("{}", played.trace.join("\n"));
    let mut wrong = String::new();
    for broken in &played.broken {
        write!(wrong, "\nnot kept: {}\n  {}", broken.promise, broken.what).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn play_all(seeds: Range<u64>) {
    let count = seeds.end.saturating_sub(seeds.start);
    let matrix = Matrix::default();
    let survey = Survey::of(seeds, &matrix);
    println!("{matrix}");
    for (generation, count) in matrix.seeds() {
        println!("{generation}: {count} seeds");
    }
    assert!(survey.is_clean(), "{survey}");
    // Fewer say nothing of how often a cell is met.
    if count >= ENOUGH {
        let rare = matrix.too_rare(count);
        assert!(rare.is_empty(), "met too rarely: {rare:#?}");
    }
}

//! The promises, under a number of seeds: `STEPWELL_SEEDS=1000000 cargo test --release --test simulation` for more of them, and
//! `STEPWELL_SEED=17` for one, with everything that was sent.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::{env, sync::Arc};

use simulation::{fault::Hits, scenario::play};

/// So many in an unoptimised build, which a change must pass.
const SEEDS: u64 = if cfg!(debug_assertions) {
    2_000
} else {
    10_000
};

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn the_promises_hold() {
    let hits = Hits::default();
    let seeds = match number("STEPWELL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STEPWELL_SEEDS").unwrap_or(SEEDS),
    };
    let threads: Vec<_> = (0..2)
        .map(|thread| {
            let (hits, seeds) = (Arc::clone(&hits), seeds.clone());
            std::thread::spawn(move || {
                for seed in seeds.filter(|seed| seed % 2 == thread) {
                    if let Err(broken) = play(seed, &hits) {
                        panic!("not kept: {}\n{}", broken.promise, broken.story);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
    for ((step, fault), count) in hits.lock().unwrap().iter() {
        println!("{step:>10} {:<16} {count}", format!("{fault:?}"));
    }
}

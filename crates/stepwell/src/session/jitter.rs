//! Jitter, so that submissions that began at the same moment do not poll in step.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A small random number generator, one per submission. It need not be good, only different in each process and submission. Clones share
/// its state.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(Arc<AtomicU64>);

/// One draw, for pauses of different lengths that are to end together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(f64);

impl Draw {
    /// As [`Jitter::quarter`].
    pub(crate) fn quarter(self, pause: Duration) -> Duration {
        part_of(pause, 1.0 - self.0 / 4.0)
    }
}

/// The increment of splitmix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Jitter {
    /// The same seed gives the same sequence; without one, std's randomness chooses the seed.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// Between half of `pause` and all of it: for retries, because many clients may have failed at once.
    pub(crate) fn half(&self, pause: Duration) -> Duration {
        part_of(pause, 1.0 - self.part() / 2.0)
    }

    /// Between three quarters of `pause` and all of it: for regular polls.
    pub(crate) fn quarter(&self, pause: Duration) -> Duration {
        self.draw().quarter(pause)
    }

    /// Any part of `pause`: for what many would otherwise do in the same moment.
    pub(crate) fn part_of(&self, pause: Duration) -> Duration {
        part_of(pause, self.part())
    }

    pub(crate) fn draw(&self) -> Draw {
        Draw(self.part())
    }

    /// A number from 0 to 1.
    fn part(&self) -> f64 {
        let mut value = self.0.fetch_add(STEP, Ordering::Relaxed);
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // 32 bits are enough, and fit a float exactly.
        f64::from(u32::try_from((value ^ (value >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

/// A part of `pause`. `Duration::mul_f64` panics if it rounds the longest duration up.
fn part_of(pause: Duration, part: f64) -> Duration {
    Duration::try_from_secs_f64(pause.as_secs_f64() * part).unwrap_or(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(100);

    fn draws(jitter: &Jitter) -> Vec<Duration> {
        (0..1_000).map(|_| jitter.half(PAUSE)).collect()
    }

    #[test]
    fn a_pause_becomes_shorter_by_no_more_than_it_may() {
        for seed in 0..1_000 {
            let jitter = Jitter::new(Some(seed));
            assert!((PAUSE / 2..=PAUSE).contains(&jitter.half(PAUSE)));
            assert!((PAUSE * 3 / 4..=PAUSE).contains(&jitter.quarter(PAUSE)));
        }
    }

    #[test]
    fn pauses_are_spread_over_all_that_is_allowed() {
        let mut tenths = [0; 10];
        for draw in draws(&Jitter::new(Some(1))) {
            let tenth = draw.saturating_sub(PAUSE / 2).as_micros() / 5_000;
            tenths[usize::try_from(tenth).unwrap().min(9)] += 1;
        }
        assert!(
            tenths.iter().all(|count| (60..=140).contains(count)),
            "{tenths:?}"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_pauses_and_no_seed_others_each_time() {
        assert_eq!(draws(&Jitter::new(Some(7))), draws(&Jitter::new(Some(7))));
        assert_ne!(draws(&Jitter::new(Some(7))), draws(&Jitter::new(Some(8))));
        assert_ne!(draws(&Jitter::new(None)), draws(&Jitter::new(None)));
    }
}

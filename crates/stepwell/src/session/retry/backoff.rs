//! Pauses that grow.

use std::time::Duration;

use crate::session::Jitter;

/// The longest pause that a server can ask for: not every wait has a deadline.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// Pauses that are short at first, then longer up to a ceiling, each cut by chance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    ceiling: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, ceiling: Duration) -> Self {
        Self {
            next: first.min(ceiling),
            ceiling,
        }
    }

    /// Before the next look at what goes its way.
    pub(crate) fn pause(&mut self, jitter: &Jitter) -> Duration {
        jitter.quarter(self.longer())
    }

    /// Before the next try after a failure. A server may say how long that is to be
    /// ([`ClientError::retry_after`](stepwell_arroyo::ClientError::retry_after)): then no less than that, nor than without its word.
    pub(crate) fn retry(&mut self, asked: Option<Duration>, jitter: &Jitter) -> Duration {
        let pause = self.longer();
        let own = jitter.half(pause);
        match asked {
            // Many were told the same.
            Some(asked) => own.max(asked.min(LONGEST_ASKED) + pause.saturating_sub(own)),
            None => own,
        }
    }

    fn longer(&mut self) -> Duration {
        let pause = self.next;
        self.next = self.next.mul_f64(1.5).min(self.ceiling);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_grows_up_to_its_ceiling() {
        let mut pace = Backoff::new(Duration::from_millis(100), Duration::from_millis(200));
        let pauses: Vec<_> = (0..4).map(|_| pace.longer().as_millis()).collect();
        assert_eq!(pauses, [100, 150, 200, 200]);
    }

    #[test]
    fn a_server_that_asks_for_no_pause_is_not_asked_sooner_than_one_that_says_nothing() {
        for seed in 0..100 {
            let jitter = Jitter::new(Some(seed));
            let second = Duration::from_secs(1);
            for asked in [0, 1, 60, u64::from(u32::MAX)].map(Duration::from_secs) {
                let pause = Backoff::new(second, second).retry(Some(asked), &jitter);
                let least = asked.min(LONGEST_ASKED).max(second / 2);
                assert!(pause >= least, "{asked:?}: {pause:?}");
                assert!(pause <= LONGEST_ASKED.min(asked) + second, "{pause:?}");
            }
        }
    }
}

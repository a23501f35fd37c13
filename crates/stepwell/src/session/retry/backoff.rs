//! Growing pauses.

use std::time::Duration;

use crate::session::Jitter;

/// The longest `Retry-After` that is honoured: not every wait has a deadline.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// Pauses that grow from short ones up to a ceiling, with jitter.
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

    /// The pause before the next poll.
    pub(crate) fn pause(&mut self, jitter: &Jitter) -> Duration {
        jitter.quarter(self.longer())
    }

    /// The pause before the next attempt after a failure. `Retry-After`
    /// ([`ClientError::retry_after`](stepwell_arroyo::ClientError::retry_after)) is a lower bound.
    pub(crate) fn retry(&mut self, asked: Option<Duration>, jitter: &Jitter) -> Duration {
        let pause = self.longer();
        let own = jitter.half(pause);
        match asked {
            // Jitter is added, because the server may have asked many clients for the same pause.
            Some(asked) => own.max(asked.min(LONGEST_ASKED) + pause.saturating_sub(own)),
            None => own,
        }
    }

    fn longer(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next.saturating_mul(3) / 2).min(self.ceiling);
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

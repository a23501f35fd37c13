//! The deadline of a call.

use std::time::Duration;

use tokio::time::Instant;

/// As good as no limit; an [`Instant`] further away may not be representable.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The time `duration` after `instant`, or a century if that is sooner: a caller's duration may be of any length.
pub(crate) fn after(instant: Instant, duration: Duration) -> Instant {
    instant + duration.min(CENTURY)
}

/// The deadline of one call: every wait inside it is shortened to the time that is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    started: Instant,
    at: Instant,
}

impl Deadline {
    pub(crate) fn new(timeout: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            at: after(started, timeout),
        }
    }

    /// A deadline within this one: after `timeout`, but no later than this one.
    pub(crate) fn within(&self, timeout: Duration) -> Self {
        let inner = Self::new(timeout);
        Self {
            started: inner.started,
            at: inner.at.min(self.at),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The timeout of a request that begins now. The last request of a step may begin at the deadline itself, and needs a moment to
    /// succeed.
    pub(crate) fn for_a_request(&self) -> Duration {
        self.remaining().max(Duration::from_millis(10))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }

    /// Sleeps for `pause`, but not past the deadline.
    pub(crate) async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause.min(self.remaining())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_inner_limit_never_outlives_the_outer_one() {
        let outer = Deadline::new(Duration::from_secs(2));
        assert_eq!(
            outer.within(Duration::from_secs(9)).remaining(),
            Duration::from_secs(2)
        );
        assert_eq!(
            outer.within(Duration::from_secs(1)).remaining(),
            Duration::from_secs(1)
        );
        outer.sleep(Duration::from_secs(60)).await;
        assert!(outer.is_over());
        assert_eq!(outer.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_timeout_does_not_overflow() {
        assert!(!Deadline::new(Duration::MAX).is_over());
    }
}

//! The requests that arrive at the control plane, by the hundredth of a second.

use std::time::Duration;

use tokio::time::Instant;

/// Requests as the control plane, or a gateway in front of it, receives them.
#[derive(Clone, Debug)]
pub struct Load {
    began: Instant,
    by_hundredth: Vec<u64>,
    /// The requests that were refused.
    pub refused: u64,
    /// The total service time of all requests.
    pub busy: Duration,
}

impl Load {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            by_hundredth: Vec::new(),
            refused: 0,
            busy: Duration::ZERO,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn arrived(&mut self) {
        let hundredth = usize::try_from(self.began.elapsed().as_millis() / 10).unwrap();
        if self.by_hundredth.len() <= hundredth {
            self.by_hundredth.resize(hundredth + 1, 0);
        }
        self.by_hundredth[hundredth] += 1;
    }

    /// The number of all requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_hundredth.iter().sum()
    }

    /// The maximum number of requests in one second.
    #[must_use]
    pub fn peak(&self) -> u64 {
        let seconds = self.by_hundredth.chunks(100);
        seconds
            .map(|second| second.iter().sum())
            .max()
            .unwrap_or_default()
    }

    /// The maximum number of requests in 10 ms, the service time of one request, after `since`. It shows whether clients are in step.
    #[must_use]
    pub fn burst_after(&self, since: Duration) -> u64 {
        let first = usize::try_from(since.as_millis() / 10).unwrap();
        let hundredths = self.by_hundredth.iter().skip(first);
        hundredths.max().copied().unwrap_or_default()
    }
}

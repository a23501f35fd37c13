//! What arrives at the control plane, by the second.

use std::time::Duration;

use tokio::time::Instant;

/// Requests as the control plane, or the machine or gateway before it, sees them.
#[derive(Clone, Debug)]
pub struct Load {
    began: Instant,
    by_second: Vec<u64>,
    /// Those of them that were turned away, or met nobody.
    pub refused: u64,
    /// How long the control plane was at work, on one request or another.
    pub busy: Duration,
}

impl Load {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            by_second: Vec::new(),
            refused: 0,
            busy: Duration::ZERO,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn arrived(&mut self) {
        let second = usize::try_from(self.began.elapsed().as_secs()).unwrap();
        if self.by_second.len() <= second {
            self.by_second.resize(second + 1, 0);
        }
        self.by_second[second] += 1;
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_second.iter().sum()
    }

    /// The most requests in one second.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.by_second.iter().max().copied().unwrap_or_default()
    }
}

use std::time::Duration;

use crate::{Poller, Script, Watched, run};

/// Latencies and requests of one poller over many starts, beside those of a look every 100 ms over the same.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    latencies: Vec<Duration>,
    requests: Vec<usize>,
    /// Of a look every 100 ms.
    compared: Vec<usize>,
}

/// A look every 100 ms.
pub(crate) const EVERY_100_MS: Poller = Poller::Every(Duration::from_millis(100));

impl Tally {
    /// Plays every script to the poller that `poller` gives for its number.
    pub fn of(scripts: &[Script], service: Duration, poller: impl Fn(u64) -> Poller) -> Self {
        let mut tally = Self::default();
        for (number, script) in (0_u64..).zip(scripts) {
            let compared = run(script, EVERY_100_MS, service);
            tally.add(&run(script, poller(number), service), compared.looks.len());
        }
        tally
    }

    fn add(&mut self, watched: &Watched, compared: usize) {
        let place = self.latencies.partition_point(|one| *one < watched.latency);
        self.latencies.insert(place, watched.latency);
        self.requests.push(watched.looks.len());
        self.compared.push(compared);
    }

    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that this part of all does not exceed, in percent.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        self.latencies[rank - 1]
    }

    pub fn mean_latency(&self) -> Duration {
        let all: Duration = self.latencies.iter().sum();
        all / u32::try_from(self.count()).unwrap()
    }

    /// Requests a start.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn mean_requests(&self) -> f64 {
        self.requests.iter().sum::<usize>() as f64 / self.count() as f64
    }

    /// The most requests that one start took.
    pub fn most_requests(&self) -> usize {
        self.requests.iter().copied().max().unwrap_or(0)
    }

    /// All requests by all that a look every 100 ms takes.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn ratio(&self) -> f64 {
        self.requests.iter().sum::<usize>() as f64 / self.compared.iter().sum::<usize>() as f64
    }

    /// The same of the single start of which it is highest.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn worst_ratio(&self) -> f64 {
        let pairs = self.requests.iter().zip(&self.compared);
        pairs
            .map(|(requests, compared)| *requests as f64 / *compared as f64)
            .fold(0.0, f64::max)
    }

    /// The same as [`ratio`](Self::ratio), of several tallies together.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn ratio_of(tallies: &[&Self]) -> f64 {
        let sum = |of: fn(&Self) -> &Vec<usize>| {
            let all = tallies.iter().flat_map(|tally| of(tally));
            all.sum::<usize>() as f64
        };
        sum(|tally| &tally.requests) / sum(|tally| &tally.compared)
    }
}

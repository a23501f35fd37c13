use std::time::Duration;

use crate::{JobScript, Poller, Watched, run};

/// The latencies and requests of one poller over many scripts, and the requests of polling every 100 ms for comparison.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    latencies: Vec<Duration>,
    requests: Vec<usize>,
    /// The requests of polling every 100 ms.
    compared: Vec<usize>,
}

/// Polling every 100 ms.
pub(crate) const EVERY_100_MS: Poller = Poller::Every(Duration::from_millis(100));

impl Tally {
    /// Replays every script to the poller that `poller` returns for its number.
    pub fn of(scripts: &[JobScript], service: Duration, poller: impl Fn(u64) -> Poller) -> Self {
        let mut tally = Self::default();
        for (number, script) in (0_u64..).zip(scripts) {
            let compared = run(script, EVERY_100_MS, service);
            tally.add(&run(script, poller(number), service), compared.polls.len());
        }
        tally
    }

    fn add(&mut self, watched: &Watched, compared: usize) {
        let index = self.latencies.partition_point(|one| *one < watched.latency);
        self.latencies.insert(index, watched.latency);
        self.requests.push(watched.polls.len());
        self.compared.push(compared);
    }

    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that this percentage of all does not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        self.latencies[rank - 1]
    }

    pub fn mean_latency(&self) -> Duration {
        let all: Duration = self.latencies.iter().sum();
        all / u32::try_from(self.count()).unwrap()
    }

    /// The mean number of requests for a script.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn mean_requests(&self) -> f64 {
        self.requests.iter().sum::<usize>() as f64 / self.count() as f64
    }

    /// The maximum number of requests for a script.
    pub fn most_requests(&self) -> usize {
        self.requests.iter().copied().max().unwrap_or(0)
    }

    /// The ratio of all requests to those of polling every 100 ms.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn ratio(&self) -> f64 {
        self.requests.iter().sum::<usize>() as f64 / self.compared.iter().sum::<usize>() as f64
    }

    /// The highest ratio of a single script.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn worst_ratio(&self) -> f64 {
        let pairs = self.requests.iter().zip(&self.compared);
        pairs
            .map(|(requests, compared)| *requests as f64 / *compared as f64)
            .fold(0.0, f64::max)
    }

    /// The [`ratio`](Self::ratio) of several tallies together.
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn ratio_of(tallies: &[&Self]) -> f64 {
        let sum = |of: fn(&Self) -> &Vec<usize>| {
            let all = tallies.iter().flat_map(|tally| of(tally));
            all.sum::<usize>() as f64
        };
        sum(|tally| &tally.requests) / sum(|tally| &tally.compared)
    }
}

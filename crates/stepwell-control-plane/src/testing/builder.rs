use std::time::Duration;

use super::{Chance, Server, TestEnvironment, Workers, state::State};
use crate::{Generation, Options};

/// Sets up a [`Server`].
#[derive(Clone, Debug)]
pub struct ServerBuilder {
    options: Options,
    tick: Duration,
    latency: Duration,
    workers: Workers,
    seed: Option<u64>,
}

impl Default for ServerBuilder {
    /// Sets the times of a quick server with one machine.
    fn default() -> Self {
        Self {
            options: Options::default(),
            tick: Duration::from_millis(500),
            latency: Duration::from_millis(10),
            workers: Workers::new()
                .with_start(Duration::from_millis(300))
                .with_checkpoint(Duration::from_millis(100))
                .with_stop(Duration::from_millis(100)),
            seed: None,
        }
    }
}

impl ServerBuilder {
    /// Sets the kind of server, including the generation.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Sets the release that the server models. The default is 0.16.
    #[must_use]
    pub fn generation(mut self, generation: Generation) -> Self {
        self.options.generation = generation;
        self
    }

    /// Sets the time between two ticks of the controller. The default is 500 ms; the minimum is 1 ms.
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick.max(Duration::from_millis(1));
        self
    }

    /// Sets how long a request and its reply take in total. The default is 10 ms.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets how the workers carry out commands. By default a start takes 300 ms, and a checkpoint and a stop 100 ms each.
    #[must_use]
    pub fn workers(mut self, workers: Workers) -> Self {
        self.workers = workers;
        self
    }

    /// Draws all ids from this seed, and all pauses too, each between half and all of what is set. Without a seed, pauses are exact and ids
    /// are counted.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Creates the server. Its clock starts when it is first used.
    pub fn build(self) -> Server {
        let environment = TestEnvironment::new();
        let environment = match self.seed {
            Some(seed) => environment.with_seed(seed),
            None => environment,
        };
        Server::of(State::new(
            self.options,
            environment,
            super::state::Pace {
                tick: self.tick,
                latency: self.latency,
                chance: self.seed.map(|seed| Chance::new(!seed)),
            },
            self.workers,
        ))
    }
}

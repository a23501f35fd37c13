//! Who waits for the end of a script.

use std::time::Duration;

use stepwell::{Options, PipelineId, Shutdown, Submission};
use tokio::time::Instant;

use crate::{Script, server::Server};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poller {
    /// `wait_until_running`, or `stop`, with this seed.
    Stepwell(u64),
    /// A look every so often, however long one takes.
    Every(Duration),
    /// A pause after each look, 1.5 times as long as the one before, up to 500 ms: how both were before.
    Growing(Duration),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Watched {
    /// From the moment at which the server showed the end.
    pub latency: Duration,
    /// When the looks came.
    pub looks: Vec<Duration>,
}

/// Plays a script to a poller.
pub fn run(script: &Script, poller: Poller, service: Duration) -> Watched {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let server = Server::new(script.clone(), service);
    let took = runtime.block_on(wait(&server, script, poller));
    Watched {
        latency: took.checked_sub(script.end()).unwrap(),
        looks: server.looks(),
    }
}

async fn wait(server: &Server, script: &Script, poller: Poller) -> Duration {
    let end = script.steps.last().unwrap().1.as_str();
    if let Poller::Stepwell(seed) = poller {
        let options = Options::default().with_jitter_seed(seed);
        let id = PipelineId::new("pl_1").unwrap();
        let attached = Submission::attach(server.clone(), id, &Shutdown::new(), options).await;
        if end == "Stopped" {
            // The script begins with the request that stops.
            let _ = attached.unwrap().stop().await.unwrap();
        } else {
            server.begin();
            let _ = attached.unwrap().wait_until_running().await.unwrap();
        }
        return server.elapsed();
    }
    server.begin();
    let mut pause = Duration::ZERO;
    loop {
        let next = Instant::now();
        if server.look().await.0 == end {
            return server.elapsed();
        }
        match poller {
            Poller::Every(interval) => tokio::time::sleep_until(next + interval).await,
            Poller::Growing(first) => {
                pause = pause.mul_f64(1.5).clamp(first, Duration::from_millis(500));
                tokio::time::sleep(pause).await;
            }
            Poller::Stepwell(_) => return server.elapsed(),
        }
    }
}

/// How many looks come in the busiest `window` between two times, of many pollers that began in the same millisecond.
pub fn busiest(
    watched: &[Watched],
    (from, to): (Duration, Duration),
    window: Duration,
) -> (usize, f64) {
    let mut windows = std::collections::BTreeMap::<u128, usize>::new();
    let looks = watched.iter().flat_map(|watched| &watched.looks);
    let mut all = 0_u32;
    for look in looks.filter(|look| (from..to).contains(*look)) {
        *windows
            .entry(look.as_micros() / window.as_micros())
            .or_default() += 1;
        all += 1;
    }
    let mean = f64::from(all) * window.as_secs_f64() / to.saturating_sub(from).as_secs_f64();
    (windows.into_values().max().unwrap_or(0), mean)
}

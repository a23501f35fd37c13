//! The pollers that wait for the end of a script.

use std::time::Duration;

use stepwell::{Options, PipelineId, Shutdown, Submission};
use tokio::time::Instant;

use crate::{JobScript, server::ScriptedServer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poller {
    /// `wait_until_running`, or `stop`, with this seed.
    Stepwell(u64),
    /// Polls at this interval, however long a poll takes.
    Every(Duration),
    /// Pauses after each poll, 1.5 times as long as the time before, up to 500 ms.
    Growing(Duration),
}

/// The result of a poller.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The time since the server showed the end.
    pub latency: Duration,
    /// The times of the polls.
    pub polls: Vec<Duration>,
}

/// Replays a script to a poller.
pub fn run(script: &JobScript, poller: Poller, service: Duration) -> Watched {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let server = ScriptedServer::new(script.clone(), service);
    let took = runtime.block_on(wait(&server, script, poller));
    Watched {
        latency: took.checked_sub(script.end()).unwrap(),
        polls: server.polls(),
    }
}

async fn wait(server: &ScriptedServer, script: &JobScript, poller: Poller) -> Duration {
    let end = script.steps.last().unwrap().1.as_str();
    if let Poller::Stepwell(seed) = poller {
        let options = Options::default().with_jitter_seed(seed);
        let id = PipelineId::new("pl_1").unwrap();
        let attached = Submission::attach(server.clone(), id, &Shutdown::new(), options).await;
        if end == "Stopped" {
            // The script begins with the stop request.
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
        if server.poll().await.0 == end {
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

/// The number of polls in the busiest `window` between two times, and the mean, for pollers that began in the same millisecond.
pub fn busiest(
    watched: &[Watched],
    (from, to): (Duration, Duration),
    window: Duration,
) -> (usize, f64) {
    let mut windows = std::collections::BTreeMap::<u128, usize>::new();
    let polls = watched.iter().flat_map(|watched| &watched.polls);
    let mut all = 0_u32;
    for poll in polls.filter(|poll| (from..to).contains(*poll)) {
        *windows
            .entry(poll.as_micros() / window.as_micros())
            .or_default() += 1;
        all += 1;
    }
    let mean = f64::from(all) * window.as_secs_f64() / to.saturating_sub(from).as_secs_f64();
    (windows.into_values().max().unwrap_or(0), mean)
}

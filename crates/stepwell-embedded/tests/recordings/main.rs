//! Compares the engine with Arroyo over a socket: every recorded request is sent again, and every recorded timeline is replayed if that
//! is possible.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(unreachable_pub, reason = "a test is its own crate")]

mod differences;
mod exchange;
mod held;
mod judge;
mod names;
#[path = "../../../stepwell-control-plane/tests/timelines/observation.rs"]
mod observation;
mod player;
#[allow(dead_code, reason = "it is shared")]
#[path = "../../../stepwell-control-plane/tests/timelines/recording.rs"]
mod recording;
mod scenario;
mod setup;
mod shape;
#[path = "../support/mod.rs"]
mod support;
mod timeline;
#[path = "../../../stepwell-control-plane/tests/timelines/times.rs"]
mod times;
mod watcher;

use tokio::task::JoinSet;

use player::{events, play};
use scenario::SCENARIOS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_is_answered_and_shown_alike() {
    let mut exchanges = exchange::exchanges().into_iter().enumerate().collect();
    let mut timelines = recording::timelines()
        .into_iter()
        .map(|timeline| (timeline.name.clone(), timeline))
        .collect();
    let mut scenarios = JoinSet::new();
    for scenario in SCENARIOS {
        let events = events(&scenario, &mut exchanges, &mut timelines);
        scenarios.spawn(play(scenario, events));
    }
    assert!(
        exchanges.is_empty() && timelines.is_empty(),
        "all are there"
    );
    let outcomes: Vec<_> = scenarios.join_all().await.into_iter().flatten().collect();
    let wrong = [judge::exchanges(&outcomes), judge::timelines(&outcomes)].concat();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

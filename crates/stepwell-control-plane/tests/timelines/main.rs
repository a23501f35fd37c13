//! The model against a real Arroyo: given the same requests, it shows the states of each recorded timeline, in the same order and with the
//! same fields.

#![allow(clippy::unwrap_used, reason = "tests may panic")]
#![allow(clippy::expect_used, reason = "tests may panic")]
#![allow(unreachable_pub, reason = "each test is its own crate")]

mod comparison;
mod failures;
mod form;
mod observation;
mod player;
mod processes;
mod recording;
mod starts;
mod stops;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod times;
mod traces;
mod v0_15;

use std::collections::BTreeSet;

use recording::Recorded;
use story::Story;

fn play(stories: Vec<Story>) {
    for story in stories {
        story.play();
    }
}

#[test]
fn stops_and_restarts() {
    play(stops::stories());
}

#[test]
fn starts_and_ends() {
    play(starts::stories());
}

#[test]
fn failures_for_good_and_for_now() {
    play(failures::stories());
}

#[test]
fn processes_that_are_killed() {
    play(processes::stories());
}

#[test]
fn each_scheduler_of_0_15() {
    play(v0_15::stories());
}

/// What no story is compared with, each with a reason.
const EXCUSED: [(Recorded, &str, &str); 1] = [(
    Recorded::V0_15,
    "240_openapi",
    "the model does not serve an OpenAPI document",
)];

fn stories() -> impl Iterator<Item = Story> {
    [
        stops::stories(),
        starts::stories(),
        failures::stories(),
        processes::stories(),
        v0_15::stories(),
    ]
    .into_iter()
    .flatten()
}

fn excused(recorded: Recorded) -> impl Iterator<Item = &'static str> {
    let excused = EXCUSED
        .into_iter()
        .filter(move |excused| excused.0 == recorded);
    excused.map(|(_, name, _)| name)
}

#[test]
fn every_recorded_timeline_is_replayed_once() {
    for (recorded, count) in [(Recorded::V0_15, 49), (Recorded::V0_16, 61)] {
        let mut known = BTreeSet::new();
        let stories = stories().filter(|story| story.recorded() == recorded);
        for name in stories.flat_map(|story| story.names().collect::<Vec<_>>()) {
            assert!(known.insert(name.to_owned()), "{name} is there twice");
        }
        let timelines = recording::timelines_of(recorded).into_iter();
        let all: BTreeSet<String> = timelines.map(|timeline| timeline.name).collect();
        assert_eq!(known, all);
        assert_eq!(all.len(), count);
        println!("{recorded:?}: {count} timelines");
    }
}

/// Those of 0.16 are also replayed by `exchanges.rs` and by the embedded engine's tests.
#[test]
fn every_exchange_of_0_15_is_asked_or_excused() {
    let stories = stories().filter(|story| story.recorded() == Recorded::V0_15);
    let asked: BTreeSet<&str> = stories
        .flat_map(|story| story.asked().collect::<Vec<_>>())
        .collect();
    let known: BTreeSet<&str> = asked
        .iter()
        .copied()
        .chain(excused(Recorded::V0_15))
        .collect();
    let exchanges = recording::exchanges_of(Recorded::V0_15).iter();
    let all: BTreeSet<&str> = exchanges
        .map(|exchange| exchange["name"].as_str().unwrap())
        .collect();
    assert_eq!(known, all);
    println!("{} of {} exchanges", asked.len(), all.len());
}

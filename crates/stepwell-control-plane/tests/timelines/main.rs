//! The model is held to a real Arroyo: it shows the states, in the order and with the fields, of each recorded timeline, when the same is
//! done to it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::expect_used, reason = "a test may fail where it stands")]
#![allow(unreachable_pub, reason = "a test is its own crate")]

mod comparison;
mod failures;
mod observation;
mod processes;
mod recording;
mod starts;
mod stops;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod times;
mod traces;

use std::collections::BTreeSet;

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

/// The timelines that no story is compared with, each with the reason: there is none.
const EXCUSED: [(&str, &str); 0] = [];

#[test]
fn every_recorded_timeline_is_replayed_once_or_excused() {
    let all = [
        stops::stories(),
        starts::stories(),
        failures::stories(),
        processes::stories(),
    ];
    let mut known = BTreeSet::new();
    for name in all
        .iter()
        .flatten()
        .flat_map(Story::names)
        .chain(EXCUSED.map(|(name, _)| name))
    {
        assert!(known.insert(name.to_owned()), "{name} is there twice");
    }
    let recorded: BTreeSet<String> = recording::timelines()
        .into_iter()
        .map(|timeline| timeline.name)
        .collect();
    assert_eq!(known, recorded);
    assert_eq!(recorded.len(), 61);
}

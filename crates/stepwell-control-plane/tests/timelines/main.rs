//! The model is held to a real Arroyo: it shows the states, in the order and with the fields, of each recorded timeline, when the same is
//! done to it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::expect_used, reason = "a test may fail where it stands")]
#![allow(unreachable_pub, reason = "a test is its own crate")]

mod comparison;
mod observation;
mod recording;
mod starts;
mod stops;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod traces;

#[test]
fn stops_and_restarts() {
    for story in stops::stories() {
        story.play();
    }
}

#[test]
fn starts_and_ends() {
    for story in starts::stories() {
        story.play();
    }
}

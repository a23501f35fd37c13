//! The model, small: what it says has to be what it is made of.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::Duration;

use scale::{Find, Fleet, Outcome, Pace, Start};

/// Fifty orchestrators, and two thousand pipelines that are listed as fifty rows.
fn small(find: Find, start: Start) -> Fleet {
    let mut fleet = Fleet::default();
    fleet.orchestrators = 50;
    fleet.held = 2_000;
    fleet.rows = 50;
    fleet.find = find;
    fleet.start = start;
    fleet
}

fn at_once(there: bool) -> Start {
    Start::new(Duration::from_secs(1), there)
}

fn all_running(outcome: &Outcome) {
    assert_eq!((outcome.running, outcome.gave_up), (50, 0), "{outcome:?}");
}

#[test]
fn a_submission_by_id_costs_five_requests_however_many_pipelines_there_are() {
    let few = small(Find::Id, at_once(true)).play();
    let mut many = small(Find::Id, at_once(true));
    many.held = 100_000;
    let many = many.play();
    for outcome in [few, many] {
        all_running(&outcome);
        // ping, validate, pipeline, job, and the job once more until it is seen Running.
        assert_eq!(outcome.load.total(), 5 * 50);
        assert_eq!(outcome.load.busy, Duration::from_millis(10 * 5 * 50));
        assert!(outcome.last < Duration::from_secs(4), "{outcome:?}");
    }
}

#[test]
fn a_list_is_paid_for_by_each_who_reads_it() {
    let each = small(Find::List, at_once(true)).play();
    let mut shared = small(Find::ListOnceFor(25), at_once(true));
    shared.patient = true;
    let shared = shared.play();
    all_running(&each);
    all_running(&shared);
    assert_eq!(each.load.total(), 5 * 50);
    let list = Duration::from_micros(140) * 2_000;
    assert_eq!(
        each.load.busy,
        Duration::from_millis(10) * 5 * 50 + list * 50
    );
    assert_eq!(
        shared.load.busy,
        Duration::from_millis(10) * (5 * 50 + 2) + list * 2
    );
}

#[test]
fn what_cannot_be_served_in_time_gives_up() {
    let mut fleet = small(Find::List, at_once(true));
    fleet.held = 100_000;
    let outcome = fleet.play();
    assert!(outcome.gave_up > 40, "{outcome:?}");
    fleet.patient = true;
    all_running(&fleet.play());
}

#[test]
fn new_pipelines_come_up_and_are_made_once() {
    for pace in [Pace::Stepwell, Pace::Fixed] {
        let mut fleet = small(Find::Id, at_once(false));
        fleet.pace = pace;
        all_running(&fleet.play());
    }
}

#[test]
fn backoff_spares_a_gateway_that_turns_away() {
    let mut fleet = small(Find::Id, at_once(true));
    fleet.model.waiting = Some(3);
    let backs_off = fleet.play();
    fleet.pace = Pace::Fixed;
    let keeps_on = fleet.play();
    all_running(&backs_off);
    all_running(&keeps_on);
    assert!(
        backs_off.load.refused < keeps_on.load.refused,
        "{backs_off:?} {keeps_on:?}"
    );
}

#[test]
fn one_seed_gives_one_outcome() {
    let play = || format!("{:?}", small(Find::Id, at_once(false)).play().last);
    assert_eq!(play(), play());
}

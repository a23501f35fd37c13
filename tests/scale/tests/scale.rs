//! Small simulations, whose results follow from the model.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::Duration;

use scale::{Fleet, FleetOutcome, JitterSeeds, Start, TryAgain};
use stepwell::spec::FindBy;

const SECOND: Duration = Duration::from_secs(1);
const REQUEST: Duration = Duration::from_millis(10);
const ROW: Duration = Duration::from_micros(140);

/// 50 orchestrators and 2,000 pipelines. Each row of the list stands for 50 pipelines, except for the newest 50.
fn small(find_by: FindBy, start: Start) -> Fleet {
    let mut fleet = Fleet::default();
    fleet.orchestrators = 50;
    fleet.held = 2_000;
    fleet.weight = 50;
    fleet.find_by = find_by;
    fleet.start = start;
    fleet
}

fn at_once(there: bool) -> Start {
    Start::new(SECOND, there)
}

fn all_running(outcome: &FleetOutcome) {
    assert_eq!(outcome.gave_up, 0, "{outcome:?}");
}

#[test]
fn a_submission_by_id_costs_five_requests_however_many_pipelines_there_are() {
    let few = small(FindBy::Id, at_once(true)).play();
    let mut many = small(FindBy::Id, at_once(true));
    many.held = 100_000;
    let many = many.play();
    for outcome in [few, many] {
        all_running(&outcome);
        assert_eq!(outcome.running, 50);
        // ping, validate, pipeline, job, and the job again until it is Running.
        assert_eq!(outcome.load.total(), 5 * 50);
        assert_eq!(outcome.load.busy, REQUEST * 5 * 50);
        assert!(outcome.last < 4 * SECOND, "{outcome:?}");
    }
}

#[test]
fn every_submission_that_reads_the_list_pays_for_it() {
    let outcome = small(FindBy::Query, at_once(true)).play();
    all_running(&outcome);
    assert_eq!(outcome.load.total(), 5 * 50);
    let list = ROW * 2_000;
    assert_eq!(outcome.load.busy, REQUEST * 5 * 50 + list * 50);
}

#[test]
fn what_cannot_be_served_in_time_gives_up() {
    let mut fleet = small(FindBy::Query, at_once(true));
    fleet.held = 100_000;
    let outcome = fleet.play();
    assert!(outcome.gave_up > 40, "{outcome:?}");
    fleet.patient = true;
    all_running(&fleet.play());
}

#[test]
fn new_pipelines_come_up_and_are_made_once() {
    for try_again in [TryAgain::Stepwell, TryAgain::Fixed] {
        let mut fleet = small(FindBy::Id, at_once(false));
        fleet.try_again = try_again;
        all_running(&fleet.play());
    }
}

fn two_hundred(start: Start, seed: u64) -> Fleet {
    let mut fleet = small(FindBy::Id, start);
    fleet.orchestrators = 200;
    fleet.seed = seed;
    fleet
}

#[test]
fn backoff_spares_a_gateway_that_turns_away_for_seconds() {
    for seed in 1..=4 {
        // The crowd lasts ten seconds. In the first half second, backoff does not make the pauses longer.
        let mut fleet = two_hundred(at_once(true), seed);
        fleet.model.waiting = Some(3);
        let backs_off = fleet.play();
        fleet.try_again = TryAgain::Fixed;
        let keeps_on = fleet.play();
        all_running(&backs_off);
        all_running(&keeps_on);
        assert!(
            backs_off.load.refused * 2 < keeps_on.load.refused,
            "{backs_off:?} {keeps_on:?}"
        );
    }
}

#[test]
fn without_jitter_those_who_start_together_come_back_together() {
    for seed in 1..=4 {
        let mut fleet = two_hundred(Start::new(Duration::ZERO, true), seed);
        fleet.model.down = 5 * SECOND;
        let spread = fleet.play();
        fleet.jitter_seeds = JitterSeeds::InStep;
        let in_step = fleet.play();
        all_running(&spread);
        all_running(&in_step);
        let burst = |outcome: &FleetOutcome| outcome.load.burst_after(SECOND);
        assert_eq!(burst(&in_step), 200);
        assert!(burst(&spread) < 20, "{spread:?}");
    }
}

#[test]
fn one_seed_gives_one_outcome() {
    for find_by in [FindBy::Id, FindBy::Query] {
        let play = |seed| {
            let mut fleet = small(find_by, at_once(false));
            fleet.seed = seed;
            let FleetOutcome {
                load,
                running,
                gave_up,
                last,
                ..
            } = fleet.play();
            (load.total(), load.peak(), load.busy, running, gave_up, last)
        };
        for seed in 1..=2 {
            assert_eq!(play(seed), play(seed));
        }
        assert_ne!(play(1), play(2));
    }
}

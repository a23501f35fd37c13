//! Prints the simulated figures of `docs/scale.md`.

use std::time::Duration;

use scale::{Fleet, FleetOutcome, JitterSeeds, Start, TryAgain};
use stepwell::spec::FindBy;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn main() {
    reading();
    paces();
    how_many();
    turned_away();
}

fn reading() {
    heading("Reading the list, or not");
    let there = Fleet::default();
    for at_a_time in [1, 8] {
        let by_list = found(with(there, at_a_time), FindBy::Query);
        row(by_list);
        row(patient(by_list));
        for fleet in [there, new()] {
            row(found(with(fleet, at_a_time), FindBy::Id));
        }
    }
}

fn paces() {
    heading("Pace and jitter, by id");
    for within in [Duration::ZERO, SECOND, MINUTE] {
        both(starting(by_id(), within));
        each(starting(found(new(), FindBy::Id), within));
    }
}

fn how_many() {
    heading("How many, by id");
    for orchestrators in [2_000, 3_000, 4_000] {
        let mut many = by_id();
        many.orchestrators = orchestrators;
        row(many);
    }
}

fn turned_away() {
    heading("A restart, and a gateway");
    let mut down = by_id();
    down.model.down = 10 * SECOND;
    for within in [Duration::ZERO, SECOND] {
        each(starting(down, within));
    }
    // A gateway refuses requests that would wait too long.
    let mut gateway = by_id();
    gateway.model.waiting = Some(100);
    each(gateway);
    each(patient(gateway));
    gateway.model.waiting = Some(1_000);
    both(gateway);
}

fn new() -> Fleet {
    let mut new = Fleet::default();
    new.start = Start::new(SECOND, false);
    new
}

fn by_id() -> Fleet {
    found(Fleet::default(), FindBy::Id)
}

fn with(mut fleet: Fleet, at_a_time: usize) -> Fleet {
    fleet.model.at_a_time = at_a_time;
    fleet
}

fn starting(mut fleet: Fleet, within: Duration) -> Fleet {
    fleet.start.within = within;
    fleet
}

fn patient(mut fleet: Fleet) -> Fleet {
    fleet.patient = true;
    fleet
}

fn found(mut fleet: Fleet, find_by: FindBy) -> Fleet {
    fleet.find_by = find_by;
    fleet
}

/// With stepwell's backoff, and without backoff.
fn both(mut fleet: Fleet) {
    row(fleet);
    fleet.try_again = TryAgain::Fixed;
    row(fleet);
}

/// With stepwell's backoff, the same without jitter, and without backoff.
fn each(mut fleet: Fleet) {
    row(fleet);
    fleet.jitter_seeds = JitterSeeds::InStep;
    row(fleet);
    fleet.try_again = TryAgain::Fixed;
    row(fleet);
}

fn heading(title: &str) {
    println!("\n### {title}\n");
    println!(
        "| orchestrators | pipelines | found | pace | start within | control plane | requests | peak in 1 s | later, in 10 ms | turned away | last Running | gave up |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
}

fn row(fleet: Fleet) {
    let FleetOutcome {
        load,
        gave_up,
        running,
        last,
        ..
    } = fleet.play();
    let pipelines = if fleet.start.there { "run" } else { "are new" };
    let find = match fleet.find_by {
        FindBy::Query => "in the list",
        _ => "by id",
    };
    let last = if running == 0 {
        "–".to_owned()
    } else {
        format!("{:.1} s", last.as_secs_f64())
    };
    println!(
        "| {} | {pipelines} | {find} | {} | {} s | {} | {} | {} | {} | {} | {last} | {gave_up} |",
        fleet.orchestrators,
        pace(fleet),
        fleet.start.within.as_secs(),
        control_plane(fleet),
        load.total(),
        load.peak(),
        load.burst_after(SECOND),
        load.refused,
    );
}

fn pace(fleet: Fleet) -> String {
    let pace = match (fleet.try_again, fleet.jitter_seeds) {
        (TryAgain::Stepwell, JitterSeeds::Own) => "stepwell's",
        (TryAgain::Stepwell, _) => "stepwell's, in step",
        _ => "every 100 ms",
    };
    let deadlines = if fleet.patient {
        "; deadlines of a day"
    } else {
        ""
    };
    format!("{pace}{deadlines}")
}

fn control_plane(fleet: Fleet) -> String {
    let model = fleet.model;
    let mut plane = format!("{} at a time", model.at_a_time);
    if let Some(waiting) = model.waiting {
        plane = format!("{plane}, {waiting} may wait");
    }
    if !model.down.is_zero() {
        plane = format!("{plane}, down for {} s", model.down.as_secs());
    }
    plane
}

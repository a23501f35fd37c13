//! Prints the table of `docs/scale.md`.

use std::time::Duration;

use scale::{Find, Fleet, Outcome, Pace, Start};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn main() {
    let there = Fleet::default();
    let mut new = there;
    new.start = Start::new(SECOND, false);
    println!("\n### Reading the list, or not\n");
    heading();
    for at_a_time in [1, 8] {
        for find in [Find::List, Find::ListOnceFor(100)] {
            let fleet = found(with(there, at_a_time), find);
            row(fleet);
            row(patient(fleet));
        }
        for fleet in [there, new] {
            row(found(with(fleet, at_a_time), Find::Id));
        }
    }
    println!("\n### Pace, by id\n");
    heading();
    let by_id = found(there, Find::Id);
    for within in [SECOND, MINUTE] {
        for fleet in [by_id, found(new, Find::Id)] {
            let mut fleet = fleet;
            fleet.start.within = within;
            both(fleet);
        }
    }
    println!("\n### How many, by id\n");
    heading();
    for orchestrators in [2_000, 3_000, 4_000] {
        let mut many = by_id;
        many.orchestrators = orchestrators;
        many.rows = orchestrators;
        row(many);
    }
    println!("\n### A restart, and a gateway, by id\n");
    heading();
    // It is being restarted.
    let mut down = by_id;
    down.model.down = 10 * SECOND;
    both(down);
    // A gateway turns away what would wait too long.
    for waiting in [100, 1_000] {
        let mut gateway = by_id;
        gateway.model.waiting = Some(waiting);
        both(gateway);
    }
}

fn heading() {
    println!(
        "| orchestrators | pipelines | found | pace | start within | control plane | requests | peak in 1 s | turned away | last Running | gave up |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
}

fn with(mut fleet: Fleet, at_a_time: usize) -> Fleet {
    fleet.model.at_a_time = at_a_time;
    fleet
}

/// At stepwell's pace and at none.
fn both(mut fleet: Fleet) {
    row(fleet);
    fleet.pace = Pace::Fixed;
    row(fleet);
}

fn patient(mut fleet: Fleet) -> Fleet {
    fleet.patient = true;
    fleet
}

fn found(mut fleet: Fleet, find: Find) -> Fleet {
    fleet.find = find;
    fleet
}

fn row(fleet: Fleet) {
    let Outcome {
        load,
        gave_up,
        running,
        last,
        ..
    } = fleet.play();
    let pipelines = if fleet.start.there { "run" } else { "are new" };
    let find = match fleet.find {
        Find::List => "in the list".to_owned(),
        Find::ListOnceFor(specs) => format!("in the list, once for {specs}"),
        _ => "by id".to_owned(),
    };
    let pace = match (fleet.pace, fleet.patient) {
        (Pace::Stepwell, false) => "stepwell's",
        (Pace::Stepwell, true) => "stepwell's; deadlines of a day",
        _ => "every 100 ms",
    };
    let model = fleet.model;
    let mut plane = format!("{} at a time", model.at_a_time);
    if let Some(waiting) = model.waiting {
        plane = format!("{plane}, {waiting} may wait");
    }
    if !model.down.is_zero() {
        plane = format!("{plane}, down for {} s", model.down.as_secs());
    }
    let last = if running == 0 {
        "–".to_owned()
    } else {
        format!("{:.1} s", last.as_secs_f64())
    };
    println!(
        "| {} | {pipelines} | {find} | {pace} | {} s | {plane} | {} | {} | {} | {last} | {gave_up} |",
        fleet.orchestrators,
        fleet.start.within.as_secs(),
        load.total(),
        load.peak(),
        load.refused,
    );
}

//! Starts that are drawn at random.

use std::time::Duration;

use crate::{Chance, JobScript};

/// How start times are spread over their range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    Evenly,
    LogEvenly,
}

/// The state in which most of a start is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As recorded: Created until the controller's next tick, then Scheduling for 60–110 ms, or 200–260 ms for one in eight, as if its worker
    /// were a process.
    AsRecorded,
    /// Created for at most one tick of the controller (500 ms), then Scheduling, as with slow workers.
    LongScheduling,
    /// Created, then Scheduling for 60–110 ms, as with a busy controller.
    LongCreated,
}

/// Draws `count` starts that take a time in this range.
pub fn drawn(
    count: u32,
    (from, to): (Duration, Duration),
    shape: Shape,
    draw: Draw,
    chance: &mut Chance,
) -> Vec<JobScript> {
    let range = to.as_secs_f64() / from.as_secs_f64();
    (0..count)
        .map(|index| {
            let part = (f64::from(index) + chance.part()) / f64::from(count);
            let running = match draw {
                Draw::Evenly => from + to.saturating_sub(from).mul_f64(part),
                Draw::LogEvenly => from.mul_f64(range.powf(part)),
            };
            let scheduled_for = match shape {
                Shape::LongScheduling => {
                    let created = chance.between(Duration::ZERO, Duration::from_millis(500));
                    running
                        .saturating_sub(created)
                        .max(Duration::from_millis(60))
                }
                Shape::AsRecorded if index % 8 == 0 => millis_between(200, 260, chance),
                _ => millis_between(60, 110, chance),
            };
            JobScript::start(
                format!("drawn {index}"),
                running.saturating_sub(scheduled_for),
                running,
            )
        })
        .collect()
}

/// Draws starts of the embedded engine, which is Running 2–6 ms after the first poll.
pub fn embedded(count: u32, chance: &mut Chance) -> Vec<JobScript> {
    (0..count)
        .map(|index| {
            let running = millis_between(2, 6, chance);
            JobScript::start(format!("embedded {index}"), running / 2, running)
        })
        .collect()
}

fn millis_between(from: u64, to: u64, chance: &mut Chance) -> Duration {
    chance.between(Duration::from_millis(from), Duration::from_millis(to))
}

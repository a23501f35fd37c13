//! All figures as Markdown.

use std::{fmt::Write as _, time::Duration};

use crate::{
    Chance, Draw, JobScript, Poller, Shape, Tally, Watched, busiest, drawn, embedded,
    recorded_starts, recorded_stops, run, tally::EVERY_100_MS, within,
};

/// The number of draws for the shortest starts. A fourth and a ninth of it are drawn for longer ones.
const DRAWS: u32 = if cfg!(debug_assertions) {
    1_000
} else {
    20_000
};

const SECOND: Duration = Duration::from_secs(1);

const GROWING_FROM_20_MS: Poller = Poller::Growing(Duration::from_millis(20));
const GROWING_FROM_50_MS: Poller = Poller::Growing(Duration::from_millis(50));

/// Each script `phases` times, every time 7 ms later, because the reply to a create is not always equally fast.
pub fn phases(scripts: &[JobScript], phases: u32) -> Vec<JobScript> {
    let met = |script: &JobScript| {
        let script = script.clone();
        (0..phases).map(move |phase| script.later(Duration::from_millis(7) * phase))
    };
    scripts.iter().flat_map(met).collect()
}

/// The tables.
pub fn tables(service: Duration) -> String {
    let mut out = format!(
        "A request takes {} ms. Latency in ms: median / 99 of 100 / most. Requests: a start, and of a look every 100 ms.\n\n",
        service.as_millis()
    );
    starts(&mut out, service);
    long_starts(&mut out, service);
    stops(&mut out, service);
    herd(&mut out, service);
    out
}

fn starts(out: &mut String, service: Duration) {
    let _ = writeln!(
        out,
        "| starts | number | stepwell | requests | of 100 ms | worst start | pauses as before | requests | every 100 ms | requests |"
    );
    let _ = writeln!(out, "|---|---|---|---|---|---|---|---|---|---|");
    let recorded = recorded_starts();
    let short = within(&recorded, Duration::from_millis(250), SECOND * 6 / 10);
    row(out, "recorded, 0.25–0.6 s", &phases(&short, 8), service);
    row(out, "recorded, all", &phases(&recorded, 8), service);
    let ranges = [
        ("0.25–0.6 s", (SECOND / 4, SECOND * 6 / 10)),
        ("0.6–10 s", (SECOND * 6 / 10, SECOND * 10)),
        ("1–5 min", (SECOND * 60, SECOND * 300)),
    ];
    for (number, (name, range)) in (1_u32..).zip(ranges) {
        let shapes: &[(&str, Shape)] = match number {
            1 => &[("as recorded", Shape::AsRecorded)],
            _ => &[
                ("long Scheduling", Shape::LongScheduling),
                ("long Created", Shape::LongCreated),
            ],
        };
        for (how, shape) in shapes {
            for (spread, draw) in [("evenly", Draw::Evenly), ("log-evenly", Draw::LogEvenly)] {
                let mut chance = Chance::new(number.into());
                let scripts = drawn(DRAWS / number.pow(2), range, *shape, draw, &mut chance);
                row(out, &format!("{name}, {how}, {spread}"), &scripts, service);
            }
        }
    }
    let scripts = embedded(200, &mut Chance::new(4));
    row(out, "2–6 ms, embedded engine", &scripts, service);
}

fn row(out: &mut String, name: &str, scripts: &[JobScript], service: Duration) {
    let stepwell = Tally::of(scripts, service, Poller::Stepwell);
    let before = Tally::of(scripts, service, |_| GROWING_FROM_20_MS);
    let every = Tally::of(scripts, service, |_| EVERY_100_MS);
    let _ = writeln!(
        out,
        "| {name} | {} | {} | {:.1} | {:.2} × | {:.2} × | {} | {:.1} | {} | {:.1} |",
        stepwell.count(),
        latencies(&stepwell),
        stepwell.mean_requests(),
        stepwell.ratio(),
        stepwell.worst_ratio(),
        latencies(&before),
        before.mean_requests(),
        latencies(&every),
        every.mean_requests(),
    );
}

fn latencies(tally: &Tally) -> String {
    let [median, most, all] = [50, 99, 100].map(|percent| tally.percentile(percent).as_millis());
    format!("{median} / {most} / {all}")
}

fn long_starts(out: &mut String, service: Duration) {
    let _ = writeln!(
        out,
        "\n| Running after | requests | a second, over all of the wait | a second, in its last half | latency, mean | most |\n|---|---|---|---|---|---|"
    );
    for seconds in [1, 2, 5, 10, 15, 30, 60, 120, 180, 300] {
        let (tally, last_half) = long_start(seconds, service);
        let _ = writeln!(
            out,
            "| {seconds} s | {:.1} | {:.2} | {last_half:.2} | {} ms | {} ms |",
            tally.mean_requests(),
            tally.mean_requests() / f64::from(seconds),
            tally.mean_latency().as_millis(),
            tally.percentile(100).as_millis(),
        );
    }
    let _ = writeln!(
        out,
        "\nNo single start of {:.1} s or more needs more requests than a look every 100 ms.",
        crossing(service).as_secs_f64()
    );
}

/// A hundred starts that take this many seconds, and their requests per second in the last half.
pub fn long_start(seconds: u32, service: Duration) -> (Tally, f64) {
    let running = SECOND * seconds;
    let scripts: Vec<_> = (0..100)
        .map(|phase| {
            let phase = Duration::from_millis(5) * phase;
            JobScript::start("long", phase, running + phase)
        })
        .collect();
    let mut polls = 0;
    for (seed, script) in (0..).zip(&scripts) {
        let watched = run(script, Poller::Stepwell(seed), service);
        let last_half = running / 2..running;
        let in_it = watched.polls.iter().filter(|poll| last_half.contains(poll));
        polls += in_it.count();
    }
    let last_half = f64::from(u32::try_from(polls).unwrap()) / 100.0 / f64::from(seconds) * 2.0;
    (Tally::of(&scripts, service, Poller::Stepwell), last_half)
}

/// The start time from which no start, with Scheduling for nearly all of it, takes more requests than polling every 100 ms.
pub fn crossing(service: Duration) -> Duration {
    let mut crossing = Duration::ZERO;
    for tenth in 3..=100 {
        let running = SECOND * tenth / 10 + Duration::from_millis(99);
        for seed in 0..8 {
            let created = Duration::from_millis(60) * u32::try_from(seed).unwrap();
            let script = JobScript::start("long", created.min(running / 2), running);
            let polls = |poller| run(&script, poller, service).polls.len();
            if polls(Poller::Stepwell(seed)) > polls(EVERY_100_MS) {
                crossing = SECOND * (tenth + 1) / 10;
            }
        }
    }
    crossing
}

fn stops(out: &mut String, service: Duration) {
    let _ = writeln!(
        out,
        "\n| stops, from Stopped to the end of `stop` | number | stepwell | requests | pauses as before | requests |\n|---|---|---|---|---|---|"
    );
    let stops = recorded_stops();
    let scripts = phases(&stops, 8);
    let stepwell = Tally::of(&scripts, service, Poller::Stepwell);
    let before = Tally::of(&scripts, service, |_| GROWING_FROM_50_MS);
    let _ = writeln!(
        out,
        "| recorded | {} | {} | {:.1} | {} | {:.1} |",
        stepwell.count(),
        latencies(&stepwell),
        stepwell.mean_requests(),
        latencies(&before),
        before.mean_requests(),
    );
    let _ = writeln!(
        out,
        "\n`stop` reads the checkpoints once more when it has seen Stopped; that request is in its latency, not in that of the pauses as before."
    );
}

fn herd(out: &mut String, service: Duration) {
    let _ = writeln!(
        out,
        "\n1,000 waits that begin in the same millisecond, Running after 60 s: looks in the busiest 10 ms, and in the mean of all 10 ms.\n\n| time | stepwell | pauses as before | every 100 ms |\n|---|---|---|---|"
    );
    let script = JobScript::start("herd", Duration::from_millis(300), SECOND * 60);
    let watched = |poller: fn(u64) -> Poller| -> Vec<Watched> {
        (0..1_000)
            .map(|seed| run(&script, poller(seed), service))
            .collect()
    };
    let stepwell = watched(Poller::Stepwell);
    // Without randomness they are all equal.
    let same = |poller| vec![run(&script, poller, service); 1_000];
    let before = same(GROWING_FROM_20_MS);
    let every = same(EVERY_100_MS);
    for (from, to) in [(0, 1), (1, 2), (2, 5), (5, 10), (10, 30), (30, 60)] {
        let show = |watched: &[Watched]| {
            let (most, mean) = busiest(
                watched,
                (SECOND * from, SECOND * to),
                Duration::from_millis(10),
            );
            format!("{most}, {mean:.1}")
        };
        let _ = writeln!(
            out,
            "| {from}–{to} s | {} | {} | {} |",
            show(&stepwell),
            show(&before),
            show(&every)
        );
    }
}

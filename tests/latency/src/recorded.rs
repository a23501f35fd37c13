//! The starts and stops that were recorded with a real Arroyo.

use std::{path::Path, time::Duration};

use serde_json::Value;

use crate::JobScript;

/// The times of Scheduling and Running, in milliseconds after the start request, from recordings that were polled every 0.5–10 ms. All but
/// the first are resumes and restarts.
const POLLED_FAST: [(u64, u64); 27] = [
    (466, 546),
    (446, 524),
    (511, 597),
    (656, 749),
    (606, 681),
    (737, 834),
    (208, 285),
    (390, 470),
    (390, 480),
    (370, 460),
    (390, 490),
    (380, 450),
    (390, 480),
    (380, 460),
    (390, 490),
    (380, 450),
    (390, 460),
    (390, 470),
    (400, 510),
    (410, 470),
    (400, 460),
    (380, 460),
    (390, 470),
    (300, 400),
    (390, 470),
    (380, 460),
    (390, 460),
];

/// The times of CheckpointStopping and Stopped, in the same way.
const STOPPED_FAST: [(u64, u64); 20] = [
    (270, 360),
    (450, 550),
    (260, 390),
    (300, 390),
    (480, 590),
    (240, 340),
    (200, 310),
    (40, 140),
    (240, 350),
    (200, 310),
    (200, 300),
    (40, 140),
    (400, 480),
    (10, 110),
    (50, 160),
    (450, 540),
    (240, 420),
    (70, 170),
    (450, 560),
    (120, 230),
];

/// Every recorded start that was requested, from the request until Running is first shown. The states of the run before are left out.
pub fn recorded_starts() -> Vec<JobScript> {
    let mut scripts: Vec<_> = timelines()
        .into_iter()
        .filter_map(|script| cut(script, "Running", &["Running"], "Scheduling"))
        .collect();
    for (index, (scheduling, running)) in POLLED_FAST.into_iter().enumerate() {
        let (scheduling, running) = (millis(scheduling), millis(running));
        scripts.push(JobScript::start(
            format!("fast {index}"),
            scheduling,
            running,
        ));
    }
    scripts
}

/// Every recorded stop of a running job, from the request until Stopped is first shown.
pub fn recorded_stops() -> Vec<JobScript> {
    let mut scripts: Vec<_> = timelines()
        .into_iter()
        .filter(|script| script.name.contains("stop") && script.steps[0].1 == "Running")
        .filter_map(|script| cut(script, "Stopped", &[], "Stopping"))
        .collect();
    for (index, (stopping, stopped)) in STOPPED_FAST.into_iter().enumerate() {
        scripts.push(JobScript {
            name: format!("fast {index}"),
            steps: vec![
                (Duration::ZERO, "Running".to_owned(), 1),
                (millis(stopping), "CheckpointStopping".to_owned(), 1),
                (millis(stopped), "Stopped".to_owned(), 1),
            ],
        });
    }
    scripts
}

/// The scripts that end between two times.
pub fn within(scripts: &[JobScript], from: Duration, to: Duration) -> Vec<JobScript> {
    let fits = |script: &&JobScript| (from..=to).contains(&script.end());
    scripts.iter().filter(fits).cloned().collect()
}

/// Cuts a script after `last`, if it gets there through `by`, and drops the states in `before` from its beginning.
fn cut(mut script: JobScript, last: &str, before: &[&str], by: &str) -> Option<JobScript> {
    let first = script
        .steps
        .iter()
        .position(|(_, state, _)| !before.contains(&state.as_str()))?;
    script.steps.drain(..first);
    let end = script
        .steps
        .iter()
        .position(|(_, state, _)| state == last)?;
    script.steps.truncate(end + 1);
    // A script that begins with it was recorded when its server came up, and not requested.
    let passes = script.steps[1..]
        .iter()
        .any(|(_, state, _)| state.ends_with(by));
    // A job that recovers takes many seconds, and was not started.
    let is_short = script.end() < Duration::from_millis(1_500);
    (passes && is_short).then_some(script)
}

fn timelines() -> Vec<JobScript> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/recordings/timelines.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| script(&serde_json::from_str(line).unwrap()))
        .collect()
}

fn script(timeline: &Value) -> JobScript {
    let jobs = timeline["jobs"].as_array().unwrap().iter();
    JobScript {
        name: timeline["name"].as_str().unwrap().to_owned(),
        steps: jobs
            .map(|seen| {
                let body: Value = serde_json::from_str(seen["body"].as_str().unwrap()).unwrap();
                let job = &body["data"][0];
                (
                    Duration::from_secs_f64(seen["t"].as_f64().unwrap()),
                    job["state"].as_str().unwrap().to_owned(),
                    job["run_id"].as_u64().unwrap(),
                )
            })
            .collect(),
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

//! [`Lists`]: the recorded checkpoints of a job before and after it was stopped.

use serde_json::Value;
use stepwell::arroyo::Job;

use super::table::Case;
use crate::recording::Release::{self, V015, V016};

/// A stop of a server, the exchange with the list before it, if any, and the exchange with the next list after it.
type Recorded = (Release, &'static str, Option<&'static str>, &'static str);

/// The stops for which a list was recorded.
const RECORDED: [Recorded; 12] = [
    // The run began without a state, so its only checkpoint has the number of one that never completed.
    (
        V015,
        "135_stop_checkpoint_states",
        Some("113_stop_force_checkpoints"),
        "137_checkpoints_after",
    ),
    first(
        "310_stop_checkpoint_states",
        "310_stop_checkpoint_checkpoints",
    ),
    first("313_stop_force_states", "313_stop_force_checkpoints"),
    first(
        "510_stop_checkpoint_states",
        "510_stop_checkpoint_checkpoints",
    ),
    first("511_stop_graceful_states", "511_stop_graceful_checkpoints"),
    first(
        "512_stop_immediate_states",
        "512_stop_immediate_checkpoints",
    ),
    first("513_stop_force_states", "513_stop_force_checkpoints"),
    (
        V016,
        "211_patch_stop_checkpoint_states",
        Some("200_job_checkpoints_after_some"),
        "214_checkpoints_stopped",
    ),
    later("217_patch_stop_checkpoint_when_stopped_states"),
    later("231_patch_stop_immediate_states"),
    later("235_patch_stop_graceful_states"),
    later("241_patch_stop_force_states"),
];

/// The first stop of a job that had no checkpoints before.
const fn first(timeline: &'static str, after: &'static str) -> Recorded {
    (V015, timeline, None, after)
}

/// A stop of the job whose list was recorded once more, several stops later.
const fn later(timeline: &'static str) -> Recorded {
    let before = Some("214_checkpoints_stopped");
    (V016, timeline, before, "260_checkpoints_after_restarts")
}

pub struct Lists {
    pub before: Vec<Value>,
    next: Vec<Value>,
}

impl Lists {
    /// The lists of a timeline; `None` if none were recorded.
    pub fn of(case: &Case) -> Option<Self> {
        let (release, _, before, next) = RECORDED
            .into_iter()
            .find(|(release, name, ..)| (*release, *name) == (case.release, case.name))?;
        let rows = |name| match release.response(name).json()["data"].take() {
            Value::Array(rows) => rows,
            other => panic!("{name}: {other}"),
        };
        Some(Self {
            before: before.map(rows).unwrap_or_default(),
            next: rows(next),
        })
    }

    /// The checkpoints that had begun when the job ended.
    pub fn after(&self, job: &Job) -> Vec<Value> {
        let ended = job.finish_time.unwrap();
        let had_begun = |row: &&Value| row["start_time"].as_u64().unwrap() <= ended;
        self.next.iter().filter(had_begun).cloned().collect()
    }
}

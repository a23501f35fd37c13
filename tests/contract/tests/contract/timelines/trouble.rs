//! Which of the recorded jobs are told to be in trouble, and for which reason.

use std::{collections::BTreeMap, time::Duration};

use super::{
    cases::cases,
    play::{Play, Trouble},
    table::{Case, Drive},
    track::Speed,
};

const BAD_DATA: &str = "error deserializing data: invalid JSON: JsonError(\"Encountered unexpected 'o' whilst parsing literal\") (1 times)";

/// The timelines in which trouble is told: how often the job had restarted each time, and the reason, which is the same each time.
const TOLD: [(&str, &[u32], Option<&str>); 20] = [
    ("251_restart_safe_states", &[1], None),
    ("253_restart_force_states", &[1], None),
    ("255_restart_ignore_state_states", &[1], None),
    ("262_rescale_states", &[1], None),
    ("266_rescale_0_states", &[1], None),
    ("271_stop_from_restarting_states", &[1], None),
    (
        "300_missing_file_states",
        &[0],
        Some(
            "error in connector: failed to open file '/srv/data/missing.json': No such file or directory (os error 2)",
        ),
    ),
    // It runs for 12 s each time, which is taken for a recovery once.
    ("340_bad_data_fail_states", &[1, 2], Some(BAD_DATA)),
    ("342_bad_data_drop_states", &[1], None),
    ("350_failing_cast_states", &[1], None),
    (
        "360_div_by_zero_states",
        &[0],
        Some("SQL error: Divide by zero error"),
    ),
    (
        "373_failing_cast_nowait_states",
        &[0],
        Some("SQL error: Cast error: Cannot cast string 'abc' to value of Int64 type"),
    ),
    ("375_bad_data_fail_nowait_states", &[1], Some(BAD_DATA)),
    ("379_recovering_stop_states", &[1], Some(BAD_DATA)),
    ("610_process_restart_states", &[1], None),
    ("611_process_worker_killed_states", &[1], None),
    (
        "613_process_sched_fail_states",
        &[0],
        Some("SQL error: Divide by zero error"),
    ),
    ("620_server_sigkill_restart_states", &[1], None),
    ("622_server_sigint_restart_states", &[1], None),
    (
        "630_bad_data_allowed_restarts_2_states",
        &[1],
        Some(BAD_DATA),
    ),
];

/// What is told of a timeline, while it is waited for and then watched.
async fn told(case: &Case, drive: Drive) -> Vec<Trouble> {
    let play = Play::new(case, Speed::AsRecorded, Duration::ZERO);
    let registered = match drive {
        Drive::Run(_) => play.submit().await,
        Drive::Attach(_) => {
            play.server.ask();
            play.attach().await
        }
        Drive::Watch(_) => play.attach().await,
        Drive::Stable(..) | Drive::Stop(_) => return Vec::new(),
    };
    if let Ok(running) = registered.wait_until_running().await {
        play.server.ask();
        Box::pin(play.watch(&running)).await;
    }
    play.troubles()
}

#[tokio::test(start_paused = true)]
async fn a_job_that_does_not_keep_running_is_told_with_its_reason_and_no_other() {
    let mut all = BTreeMap::new();
    for case in cases() {
        for drive in &case.drives {
            let told = Box::pin(told(&case, *drive)).await;
            if !told.is_empty() {
                all.insert(case.name, told);
            }
        }
    }
    let expected: BTreeMap<_, _> = TOLD
        .into_iter()
        .map(|(name, restarts, reason)| {
            let reason = reason.map(str::to_owned);
            let told = restarts.iter().map(|restarts| (*restarts, reason.clone()));
            (name, told.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(all, expected);
}

//! Which of the recorded jobs are reported to be in trouble, and for which reason.

use std::{collections::BTreeMap, time::Duration};

use stepwell::{Error, JobState, error::WaitError, observe::Trouble};

use super::{
    cases::cases,
    play::Play,
    table::{Case, Drive},
    track::Speed,
};
use crate::recording::Release::{self, V015, V016};

const BAD_DATA: &str = "error deserializing data: invalid JSON: JsonError(\"Encountered unexpected 'o' whilst parsing literal\") (1 times)";

/// The timelines in which trouble is reported: the number of restarts in each report, and the reason, which is always the same.
const TOLD: [(Release, &str, &[u32], Option<&str>); 27] = [
    (V015, "131_restart_force_states", &[1], None),
    (V015, "132_rescale_states", &[1], None),
    (V015, "200_divide_by_zero_states", &[1], None),
    (V015, "220_bad_data_states", &[1], None),
    (V015, "230_missing_file_states", &[1], None),
    (V015, "231_restart_failed_states", &[1], None),
    // Reported at the second run, and each time the number of restarts has doubled.
    (
        V015,
        "550_create_divide_by_zero_states",
        &[1, 4, 8, 17],
        None,
    ),
    (V016, "251_restart_safe_states", &[1], None),
    (V016, "253_restart_force_states", &[1], None),
    (V016, "255_restart_ignore_state_states", &[1], None),
    (V016, "262_rescale_states", &[1], None),
    (V016, "266_rescale_0_states", &[1], None),
    (V016, "271_stop_from_restarting_states", &[1], None),
    (
        V016,
        "300_missing_file_states",
        &[0],
        Some(
            "error in connector: failed to open file '/srv/data/missing.json': No such file or directory (os error 2)",
        ),
    ),
    // It runs for 12 s each time, which counts as a recovery once.
    (V016, "340_bad_data_fail_states", &[1, 2], Some(BAD_DATA)),
    (V016, "342_bad_data_drop_states", &[1], None),
    (V016, "350_failing_cast_states", &[1], None),
    (
        V016,
        "360_div_by_zero_states",
        &[0],
        Some("SQL error: Divide by zero error"),
    ),
    (
        V016,
        "373_failing_cast_nowait_states",
        &[0],
        Some("SQL error: Cast error: Cannot cast string 'abc' to value of Int64 type"),
    ),
    (
        V016,
        "375_bad_data_fail_nowait_states",
        &[1],
        Some(BAD_DATA),
    ),
    (V016, "379_recovering_stop_states", &[1], Some(BAD_DATA)),
    (V016, "610_process_restart_states", &[1], None),
    (V016, "611_process_worker_killed_states", &[1], None),
    (
        V016,
        "613_process_sched_fail_states",
        &[0],
        Some("SQL error: Divide by zero error"),
    ),
    (V016, "620_server_sigkill_restart_states", &[1], None),
    (V016, "622_server_sigint_restart_states", &[1], None),
    (
        V016,
        "630_bad_data_allowed_restarts_2_states",
        &[1],
        Some(BAD_DATA),
    ),
];

/// The jobs whose failure is reported with trouble, and how often they had restarted.
const FAILED: [(Release, &str, u32); 8] = [
    // A restart was in progress, but no second run began.
    (V015, "200_divide_by_zero_states", 0),
    (V015, "220_bad_data_states", 0),
    (V015, "550_create_divide_by_zero_states", 20),
    (V016, "300_missing_file_states", 0),
    (V016, "360_div_by_zero_states", 0),
    (V016, "373_failing_cast_nowait_states", 0),
    (V016, "613_process_sched_fail_states", 0),
    (V016, "630_bad_data_allowed_restarts_2_states", 1),
];

/// A job that has failed, with its trouble.
struct Failure(Option<Trouble>);

/// Waits for the job of a timeline and then watches it; returns the play, and the failure if there was one.
async fn watch(case: &Case, drive: Drive, speed: Speed) -> Option<(Play<'_>, Option<Failure>)> {
    let play = Play::new(case, speed, Duration::ZERO);
    let registered = match drive {
        Drive::Run(_) => play.submit().await,
        Drive::Attach(_) => {
            play.server.ask();
            play.attach().await
        }
        Drive::Watch(_) => play.attach().await,
        Drive::Stable(..) | Drive::Stop(_) => return None,
    };
    let failure = match registered.wait_until_running().await {
        Ok(running) => {
            play.server.ask();
            let ended = Box::pin(play.watch(&running)).await.result;
            ended
                .filter(|ended| ended.job.state == JobState::Failed)
                .map(|ended| Failure(ended.trouble))
        }
        Err(failed) => match failed.into_error() {
            Error::Wait {
                source: WaitError::Failed { trouble, .. },
            } => Some(Failure(trouble.map(|trouble| *trouble))),
            _ => None,
        },
    };
    Some((play, failure))
}

#[tokio::test(start_paused = true)]
async fn a_job_that_does_not_keep_running_is_told_with_its_reason_and_no_other() {
    let mut all = BTreeMap::new();
    for case in cases() {
        for drive in &case.drives {
            let watched = Box::pin(watch(&case, *drive, Speed::AsRecorded)).await;
            let told = watched.map(|(play, _)| play.troubles());
            if let Some(told) = told.filter(|told| !told.is_empty()) {
                all.insert((case.release, case.name), told);
            }
        }
    }
    let expected: BTreeMap<_, _> = TOLD
        .into_iter()
        .map(|(release, name, restarts, reason)| {
            let reason = reason.map(str::to_owned);
            let told = restarts.iter().map(|restarts| (*restarts, reason.clone()));
            ((release, name), told.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(all, expected);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_in_the_end_is_told_with_how_often_it_restarted() {
    for speed in Speed::ALL {
        let mut all = BTreeMap::new();
        for case in cases() {
            for drive in &case.drives {
                let watched = Box::pin(watch(&case, *drive, speed)).await;
                let failure = watched.and_then(|(_, failure)| failure);
                if let Some(trouble) = failure.and_then(|Failure(trouble)| trouble) {
                    all.insert((case.release, case.name), trouble.restarts);
                }
            }
        }
        let expected = FAILED.map(|(release, name, restarts)| ((release, name), restarts));
        assert_eq!(all, expected.into(), "{speed:?}");
    }
}

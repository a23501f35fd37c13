//! The timelines of 0.15.0. In names below 500 workers are threads; from 500 on they are processes.

use super::super::table::{
    Asked::{Elsewhere, Parallelism, Restart, Start, StopWith},
    Before::EndOf,
    Case,
    Drive::{Attach, Run, Stable, Stop, Watch},
    Stopping::{EndedOtherwise, NotInTime},
    Then::{Deadline, Ends, Runs},
};
use super::{case, created, restarted, started, stopped};

pub fn cases() -> Vec<Case> {
    let mut cases = one_that_is_stuck();
    cases.extend(the_same_after_a_restart());
    cases.extend(failures());
    cases.extend(ends());
    cases.extend(stops_of_threads());
    cases.extend(stops_of_processes());
    cases.extend(one_that_fails_in_a_process());
    cases
}

/// A stop without effect: the job stays in this state for as long as was recorded, whatever is requested.
fn stuck(
    name: &'static str,
    before: &'static str,
    mode: &'static str,
    state: &'static str,
) -> Case {
    let drives = vec![Stop(NotInTime(state)), Attach(Deadline(state))];
    case(name, EndOf(before), StopWith(mode), drives)
}

/// Started while it is stuck in a stop.
fn stuck_start(name: &'static str, before: &'static str, state: &'static str) -> Case {
    let drives = vec![Run(Deadline(state)), Attach(Deadline(state))];
    case(name, EndOf(before), Start, drives)
}

/// A failed job records the stop, but stays Failed.
fn failed_before(name: &'static str, before: &'static str, mode: &'static str, run: u64) -> Case {
    let drives = vec![
        Stop(EndedOtherwise("Failed")),
        Attach(Ends(None, "Failed", run)),
    ];
    case(name, EndOf(before), StopWith(mode), drives)
}

/// A request that stepwell does not send to a job that has ended this way, and which changes nothing.
fn unmoved(name: &'static str, before: &'static str, state: &'static str) -> Case {
    let drives = vec![Attach(Ends(None, state, 1))];
    case(name, EndOf(before), Elsewhere, drives)
}

/// A job whose twin runs: its final checkpoint never completes.
fn one_that_is_stuck() -> Vec<Case> {
    vec![
        created("100_create_blackhole_states", vec![Run(Runs(1))]),
        case(
            "110_stop_checkpoint_states",
            EndOf("100_create_blackhole_states"),
            StopWith("checkpoint"),
            vec![Stop(NotInTime("CheckpointStopping")), Watch(Runs(1))],
        ),
        stuck_start(
            "120_resume_after_checkpoint_states",
            "110_stop_checkpoint_states",
            "CheckpointStopping",
        ),
        stuck(
            "111_stop_graceful_states",
            "120_resume_after_checkpoint_states",
            "graceful",
            "CheckpointStopping",
        ),
        stuck_start(
            "121_resume_after_graceful_states",
            "111_stop_graceful_states",
            "CheckpointStopping",
        ),
        // This stop takes effect, and fails.
        case(
            "112_stop_immediate_states",
            EndOf("121_resume_after_graceful_states"),
            StopWith("immediate"),
            vec![
                Stop(EndedOtherwise("Failed")),
                Attach(Ends(None, "Failed", 1)),
            ],
        ),
        unmoved(
            "122_resume_after_immediate_states",
            "112_stop_immediate_states",
            "Failed",
        ),
        failed_before(
            "113_stop_force_states",
            "122_resume_after_immediate_states",
            "force",
            1,
        ),
        unmoved(
            "123_resume_after_force_states",
            "113_stop_force_states",
            "Failed",
        ),
    ]
}

fn the_same_after_a_restart() -> Vec<Case> {
    vec![
        // It had failed in the previous run: only the new one counts.
        case(
            "130_restart_states",
            EndOf("123_resume_after_force_states"),
            Restart,
            vec![Run(Runs(2))],
        ),
        restarted("131_restart_force_states", "130_restart_states", 3),
        // A controller slower than two ticks shows the old run for so long that it counts: the limit named in `docs/guarantees.md`.
        Case {
            slow: Some(Runs(3)),
            ..case(
                "132_rescale_states",
                EndOf("131_restart_force_states"),
                Parallelism(2),
                vec![Run(Runs(4)), Watch(Runs(4))],
            )
        },
        // A new checkpoint interval, which does not start a run.
        case(
            "133_interval_states",
            EndOf("132_rescale_states"),
            Elsewhere,
            vec![Attach(Runs(4)), Watch(Runs(4))],
        ),
        stopped(
            "135_stop_checkpoint_states",
            EndOf("133_interval_states"),
            "checkpoint",
            4,
            Some(true),
        ),
    ]
}

/// Each job is Running for a moment. The server then tries to end its worker for 27 seconds, and gives up.
fn failures() -> Vec<Case> {
    let failed = |stable| {
        vec![
            Run(Ends(Some(1), "Failed", 1)),
            Stable(stable, Ends(None, "Failed", 1)),
        ]
    };
    vec![
        created("200_divide_by_zero_states", failed(2.0)),
        failed_before(
            "202_stop_in_the_loop_states",
            "200_divide_by_zero_states",
            "checkpoint",
            1,
        ),
        created("220_bad_data_states", failed(1.0)),
        failed_before("222_stop_states", "220_bad_data_states", "immediate", 1),
        // Recorded only until it recovers.
        created(
            "230_missing_file_states",
            vec![Run(Runs(1)), Stable(1.0, Deadline("Recovering"))],
        ),
        // Stepwell restarts only a job that has failed.
        case(
            "231_restart_failed_states",
            EndOf("230_missing_file_states"),
            Elsewhere,
            vec![Attach(Deadline("Recovering"))],
        ),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        created(
            "210_finite_file_states",
            vec![
                Run(Ends(Some(1), "Finished", 1)),
                Stable(1.0, Ends(None, "Finished", 1)),
            ],
        ),
        unmoved(
            "211_resume_finished_states",
            "210_finite_file_states",
            "Finished",
        ),
        unmoved(
            "212_restart_finished_states",
            "211_resume_finished_states",
            "Finished",
        ),
    ]
}

fn stops_of_threads() -> Vec<Case> {
    // These stops do not end its threads within the recorded time.
    let stuck_from_running = |name, before: &'static str, mode| {
        let drives = vec![Stop(NotInTime("Stopping")), Watch(Runs(1))];
        case(name, EndOf(before), StopWith(mode), drives)
    };
    vec![
        created("300_create_for_checkpoint_states", vec![Run(Runs(1))]),
        stopped(
            "310_stop_checkpoint_states",
            EndOf("300_create_for_checkpoint_states"),
            "checkpoint",
            1,
            Some(true),
        ),
        started(
            "320_resume_after_checkpoint_states",
            "310_stop_checkpoint_states",
            2,
        ),
        created("301_create_for_graceful_states", vec![Run(Runs(1))]),
        stuck_from_running(
            "311_stop_graceful_states",
            "301_create_for_graceful_states",
            "graceful",
        ),
        stuck_start(
            "321_resume_after_graceful_states",
            "311_stop_graceful_states",
            "Stopping",
        ),
        created("302_create_for_immediate_states", vec![Run(Runs(1))]),
        stuck_from_running(
            "312_stop_immediate_states",
            "302_create_for_immediate_states",
            "immediate",
        ),
        stuck_start(
            "322_resume_after_immediate_states",
            "312_stop_immediate_states",
            "Stopping",
        ),
        created("303_create_for_force_states", vec![Run(Runs(1))]),
        stopped(
            "313_stop_force_states",
            EndOf("303_create_for_force_states"),
            "force",
            1,
            Some(false),
        ),
        started("323_resume_after_force_states", "313_stop_force_states", 2),
    ]
}

fn stops_of_processes() -> Vec<Case> {
    let none = |name, before, mode| stopped(name, before, mode, 1, Some(false));
    vec![
        created("500_create_for_checkpoint_states", vec![Run(Runs(1))]),
        stopped(
            "510_stop_checkpoint_states",
            EndOf("500_create_for_checkpoint_states"),
            "checkpoint",
            1,
            Some(true),
        ),
        started(
            "520_resume_after_checkpoint_states",
            "510_stop_checkpoint_states",
            2,
        ),
        created("501_create_for_graceful_states", vec![Run(Runs(1))]),
        none(
            "511_stop_graceful_states",
            EndOf("501_create_for_graceful_states"),
            "graceful",
        ),
        started(
            "521_resume_after_graceful_states",
            "511_stop_graceful_states",
            2,
        ),
        created("502_create_for_immediate_states", vec![Run(Runs(1))]),
        none(
            "512_stop_immediate_states",
            EndOf("502_create_for_immediate_states"),
            "immediate",
        ),
        started(
            "522_resume_after_immediate_states",
            "512_stop_immediate_states",
            2,
        ),
        created("503_create_for_force_states", vec![Run(Runs(1))]),
        none(
            "513_stop_force_states",
            EndOf("503_create_for_force_states"),
            "force",
        ),
        started("523_resume_after_force_states", "513_stop_force_states", 2),
    ]
}

/// A new run every second, each Running for a moment, and Failed after the twentieth restart.
fn one_that_fails_in_a_process() -> Vec<Case> {
    vec![
        created(
            "550_create_divide_by_zero_states",
            vec![
                Run(Ends(Some(1), "Failed", 21)),
                Stable(2.0, Ends(None, "Failed", 21)),
            ],
        ),
        failed_before(
            "552_stop_in_the_loop_states",
            "550_create_divide_by_zero_states",
            "checkpoint",
            21,
        ),
    ]
}

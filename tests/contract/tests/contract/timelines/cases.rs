//! What each timeline is about, and what the steps have to make of it: worked out from the recordings, not from what stepwell does.

use super::table::{
    Asked::{self, Create, Elsewhere, Parallelism, Restart, Start, StopWith},
    Before::{self, EndOf, Nothing, ToRun, ToStop},
    Case,
    Drive::{self, Attach, Run, Stable, Stop, Watch},
    Stopping::{EndedOtherwise, NotInTime, Resumed, Stopped, StoppedBefore},
    Then::{Deadline, Ends, NoTasks, Runs},
};

pub fn cases() -> Vec<Case> {
    let mut cases = life_of_one_pipeline();
    cases.extend(parallelisms());
    cases.extend(failures());
    cases.extend(recoveries());
    cases.extend(ends());
    cases.extend(other_starts());
    cases.extend(races());
    cases.extend(processes());
    cases
}

fn case(name: &'static str, before: Before, asked: Asked, drives: Vec<Drive>) -> Case {
    Case {
        name,
        before,
        asked,
        is_down: false,
        drives,
        slow: None,
    }
}

fn created(name: &'static str, drives: Vec<Drive>) -> Case {
    case(name, Nothing, Create, drives)
}

/// Told to start after the end of another timeline: its Stopped is of the run before, and never counts.
fn started(name: &'static str, before: &'static str, run: u64) -> Case {
    case(name, EndOf(before), Start, vec![Run(Runs(run))])
}

/// Told to stop while Running: by us, or by somebody else while we watch.
fn stopped(name: &'static str, before: Before, mode: &'static str, run: u64) -> Case {
    let drives = vec![Stop(Stopped(run)), Watch(Ends(None, "Stopped", run))];
    case(name, before, StopWith(mode), drives)
}

/// Restarted by somebody else while Running: that is no end, and Running for good only in the new run.
fn restarted(name: &'static str, before: &'static str, run: u64) -> Case {
    let drives = vec![Watch(Runs(run)), Stable(2.0, Runs(run))];
    case(name, EndOf(before), Elsewhere, drives)
}

fn life_of_one_pipeline() -> Vec<Case> {
    vec![
        created("101_states_start_to_running", vec![Run(Runs(1))]),
        stopped(
            "211_patch_stop_checkpoint_states",
            EndOf("101_states_start_to_running"),
            "checkpoint",
            1,
        ),
        // It was Stopped, and stays so.
        case(
            "217_patch_stop_checkpoint_when_stopped_states",
            EndOf("211_patch_stop_checkpoint_states"),
            StopWith("checkpoint"),
            vec![Stop(StoppedBefore(1)), Attach(Ends(None, "Stopped", 1))],
        ),
        started(
            "221_patch_resume_none_states",
            "217_patch_stop_checkpoint_when_stopped_states",
            2,
        ),
        stopped(
            "231_patch_stop_immediate_states",
            EndOf("221_patch_resume_none_states"),
            "immediate",
            2,
        ),
        started(
            "233_patch_resume_after_immediate_states",
            "231_patch_stop_immediate_states",
            3,
        ),
        stopped(
            "235_patch_stop_graceful_states",
            EndOf("233_patch_resume_after_immediate_states"),
            "graceful",
            3,
        ),
        started(
            "239_patch_resume_after_graceful_states",
            "235_patch_stop_graceful_states",
            4,
        ),
        stopped(
            "241_patch_stop_force_states",
            EndOf("239_patch_resume_after_graceful_states"),
            "force",
            4,
        ),
        started(
            "245_patch_resume_after_force_states",
            "241_patch_stop_force_states",
            5,
        ),
        restarted(
            "251_restart_safe_states",
            "245_patch_resume_after_force_states",
            6,
        ),
        restarted("253_restart_force_states", "251_restart_safe_states", 7),
        restarted(
            "255_restart_ignore_state_states",
            "253_restart_force_states",
            8,
        ),
    ]
}

fn parallelisms() -> Vec<Case> {
    vec![
        // The old run is still shown as Running at first, and must not count; then it is stuck. A controller that is slower than two
        // ticks shows it for longer: the limit that `docs/guarantees.md` names.
        Case {
            slow: Some(Runs(8)),
            ..case(
                "262_rescale_states",
                EndOf("255_restart_ignore_state_states"),
                Parallelism(2),
                vec![Run(Deadline("Restarting")), Watch(Runs(8))],
            )
        },
        // Stuck it stays. No stepwell sends a parallelism of 0.
        case(
            "266_rescale_0_states",
            EndOf("262_rescale_states"),
            Elsewhere,
            vec![Attach(Deadline("Restarting"))],
        ),
        case(
            "271_stop_from_restarting_states",
            EndOf("266_rescale_0_states"),
            StopWith("immediate"),
            vec![Stop(Stopped(8)), Attach(Ends(None, "Stopped", 8))],
        ),
        // Recorded only until Running was seen, which was the run before. Unchanged for two ticks it counts.
        case(
            "282_rescale_states",
            ToRun,
            Parallelism(2),
            vec![Run(Runs(1)), Watch(Runs(1))],
        ),
        // No stepwell creates with a parallelism of 0.
        case(
            "291_parallelism_0_states",
            Nothing,
            Elsewhere,
            vec![Attach(NoTasks(1))],
        ),
        // There is no task that could say that it has stopped.
        case(
            "295_parallelism_0_stop_states",
            EndOf("291_parallelism_0_states"),
            StopWith("immediate"),
            vec![Stop(NotInTime("Stopping"))],
        ),
        // More slots than there are.
        created(
            "298_parallelism_100_states",
            vec![Run(Deadline("Scheduling"))],
        ),
    ]
}

/// Each is Running for a moment before it fails: `stable_for` is what tells.
fn failures() -> Vec<Case> {
    let failed = |run, stable| {
        vec![
            Run(Ends(Some(1), "Failed", run)),
            Stable(stable, Ends(None, "Failed", run)),
        ]
    };
    vec![
        created("300_missing_file_states", failed(1, 1.0)),
        // It was Failed in run 1 when the restart was asked for, and then failed in run 2: only that is a verdict.
        case(
            "306_failed_restart_states",
            EndOf("300_missing_file_states"),
            Restart,
            vec![Run(Ends(None, "Failed", 2))],
        ),
        created("360_div_by_zero_states", failed(1, 2.0)),
        // A failed job takes note of the stop, and stays Failed.
        case(
            "362_div_by_zero_stop_immediate_states",
            EndOf("360_div_by_zero_states"),
            StopWith("immediate"),
            vec![
                Stop(EndedOtherwise("Failed")),
                Attach(Ends(None, "Failed", 1)),
            ],
        ),
        created("373_failing_cast_nowait_states", failed(1, 1.0)),
        created("613_process_sched_fail_states", failed(1, 2.0)),
        // Two runs fail for now, and the second for good.
        created("630_bad_data_allowed_restarts_2_states", failed(2, 1.0)),
    ]
}

/// Recovering is no end, however often.
fn recoveries() -> Vec<Case> {
    vec![
        created(
            "340_bad_data_fail_states",
            vec![Run(Runs(1)), Stable(20.0, Deadline("Recovering"))],
        ),
        created(
            "342_bad_data_drop_states",
            vec![Run(Runs(1)), Stable(35.0, Runs(2))],
        ),
        created(
            "350_failing_cast_states",
            vec![Run(Runs(1)), Stable(50.0, Runs(2))],
        ),
        created(
            "375_bad_data_fail_nowait_states",
            vec![Run(Runs(1)), Stable(1.0, Deadline("Recovering"))],
        ),
        // It takes 39 seconds.
        case(
            "379_recovering_stop_states",
            EndOf("375_bad_data_fail_nowait_states"),
            StopWith("checkpoint"),
            vec![Stop(Stopped(7)), Attach(Ends(None, "Stopped", 7))],
        ),
    ]
}

/// Finite jobs.
fn ends() -> Vec<Case> {
    let finished = |stable| {
        vec![
            Run(Ends(Some(1), "Finished", 1)),
            Stable(stable, Ends(None, "Finished", 1)),
        ]
    };
    vec![
        created("320_finite_impulse_states", finished(5.0)),
        created("370_file_to_file_nowait_states", finished(1.0)),
        created("377_bad_data_drop_nowait_states", finished(1.0)),
        created("380_filesystem_missing_dir_states", finished(1.0)),
    ]
}

fn other_starts() -> Vec<Case> {
    vec![
        // Its source waits for control messages.
        created("330_file_to_file_states", vec![Run(Runs(1))]),
        created("436_create_all_options_states", vec![Run(Runs(1))]),
        // No stepwell creates a preview.
        case(
            "441_preview_states",
            Nothing,
            Elsewhere,
            vec![Attach(Runs(1))],
        ),
        stopped("446_preview_stop_immediate_states", ToRun, "immediate", 1),
        created("451_select_without_sink_states", vec![Run(Runs(1))]),
        created("600_process_sched_bh_states", vec![Run(Runs(1))]),
        created("615_process_sched_p40_states", vec![Run(Runs(1))]),
    ]
}

fn races() -> Vec<Case> {
    vec![
        // Stopped before it ever ran.
        case(
            "461_stop_while_created_states",
            ToRun,
            StopWith("checkpoint"),
            vec![Stop(Stopped(0)), Attach(Ends(None, "Stopped", 0))],
        ),
        case(
            "465_resume_never_started_states",
            ToStop,
            Start,
            vec![Run(Runs(1))],
        ),
        // Somebody's `none` came right after the stop and has cancelled it: the same run goes on.
        case(
            "468_stop_then_none_states",
            EndOf("465_resume_never_started_states"),
            StopWith("checkpoint"),
            vec![Stop(Resumed), Watch(Runs(1))],
        ),
        // A `none` that came too late to cancel the stop: the stop is finished, and the job starts again by itself. Stopped is no end.
        case(
            "470_patch_none_while_stopping_states",
            ToStop,
            Start,
            vec![Run(Runs(2)), Attach(Runs(2))],
        ),
        case(
            "470_patch_none_while_stopping_states",
            EndOf("468_stop_then_none_states"),
            StopWith("checkpoint"),
            vec![Stop(Resumed), Watch(Runs(2))],
        ),
    ]
}

/// Workers that are processes, one of which is killed, and a server that is.
fn processes() -> Vec<Case> {
    let down = |case| Case {
        is_down: true,
        ..case
    };
    vec![
        stopped(
            "602_process_sched_stop_checkpoint_states",
            EndOf("600_process_sched_bh_states"),
            "checkpoint",
            1,
        ),
        started(
            "603_process_resume_states",
            "602_process_sched_stop_checkpoint_states",
            2,
        ),
        stopped(
            "604_process_sched_stop_immediate_states",
            EndOf("603_process_resume_states"),
            "immediate",
            2,
        ),
        started(
            "605_process_resume_states",
            "604_process_sched_stop_immediate_states",
            3,
        ),
        stopped(
            "606_process_sched_stop_graceful_states",
            EndOf("605_process_resume_states"),
            "graceful",
            3,
        ),
        started(
            "607_process_resume_states",
            "606_process_sched_stop_graceful_states",
            4,
        ),
        stopped(
            "608_process_sched_stop_force_states",
            EndOf("607_process_resume_states"),
            "force",
            4,
        ),
        started(
            "609_process_resume_states",
            "608_process_sched_stop_force_states",
            5,
        ),
        restarted("610_process_restart_states", "609_process_resume_states", 6),
        // Running for 15 seconds more, then in a new run.
        case(
            "611_process_worker_killed_states",
            EndOf("610_process_restart_states"),
            Elsewhere,
            vec![Watch(Runs(7)), Stable(20.0, Runs(7))],
        ),
        down(restarted(
            "620_server_sigkill_restart_states",
            "611_process_worker_killed_states",
            8,
        )),
        down(restarted(
            "622_server_sigint_restart_states",
            "620_server_sigkill_restart_states",
            9,
        )),
        stopped(
            "623_after_restart_stop_checkpoint_states",
            EndOf("622_server_sigint_restart_states"),
            "checkpoint",
            9,
        ),
        // What was Stopped stays so over a restart of the server.
        down(case(
            "624_server_restart_with_stopped_states",
            EndOf("623_after_restart_stop_checkpoint_states"),
            Elsewhere,
            vec![Attach(Ends(None, "Stopped", 9))],
        )),
    ]
}

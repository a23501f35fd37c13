//! The timelines of 0.16.0-dev.

mod troubled;

use super::super::table::{
    Asked::{Elsewhere, Start, StopWith},
    Before::{EndOf, Nothing, ToRun, ToStop},
    Case,
    Drive::{Attach, Run, Stable, Stop, Watch},
    Stopping::{Resumed, Stopped, StoppedBefore},
    Then::{Ends, Runs},
};
use super::{case, created, restarted, started, stopped};

pub fn cases() -> Vec<Case> {
    let mut cases = life_of_one_pipeline();
    cases.extend(troubled::cases());
    cases.extend(ends());
    cases.extend(other_starts());
    cases.extend(races());
    cases.extend(processes());
    cases
}

fn life_of_one_pipeline() -> Vec<Case> {
    vec![
        created("101_states_start_to_running", vec![Run(Runs(1))]),
        stopped(
            "211_patch_stop_checkpoint_states",
            EndOf("101_states_start_to_running"),
            "checkpoint",
            1,
            Some(true),
        ),
        // It was already Stopped, and stays so.
        case(
            "217_patch_stop_checkpoint_when_stopped_states",
            EndOf("211_patch_stop_checkpoint_states"),
            StopWith("checkpoint"),
            vec![
                Stop(StoppedBefore(1, Some(true))),
                Attach(Ends(None, "Stopped", 1)),
            ],
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
            Some(false),
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
            Some(false),
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
            Some(false),
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
        // The source waits for control messages.
        created("330_file_to_file_states", vec![Run(Runs(1))]),
        created("436_create_all_options_states", vec![Run(Runs(1))]),
        // Stepwell never creates a preview.
        case(
            "441_preview_states",
            Nothing,
            Elsewhere,
            vec![Attach(Runs(1))],
        ),
        stopped(
            "446_preview_stop_immediate_states",
            ToRun,
            "immediate",
            1,
            None,
        ),
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
            vec![Stop(Stopped(0, None)), Attach(Ends(None, "Stopped", 0))],
        ),
        case(
            "465_resume_never_started_states",
            ToStop,
            Start,
            vec![Run(Runs(1))],
        ),
        // Another client's `none` right after the stop cancelled it: the same run continues.
        case(
            "468_stop_then_none_states",
            EndOf("465_resume_never_started_states"),
            StopWith("checkpoint"),
            vec![Stop(Resumed), Watch(Runs(1))],
        ),
        // A `none` too late to cancel the stop: the stop is completed, and the job starts again by itself. Stopped is not the end.
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

/// Workers as processes: a killed worker and a killed server.
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
            None,
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
            None,
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
            None,
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
            None,
        ),
        started(
            "609_process_resume_states",
            "608_process_sched_stop_force_states",
            5,
        ),
        restarted("610_process_restart_states", "609_process_resume_states", 6),
        // Running for another 15 seconds, then in a new run.
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
            None,
        ),
        // A job that was Stopped stays so when the server restarts.
        down(case(
            "624_server_restart_with_stopped_states",
            EndOf("623_after_restart_stop_checkpoint_states"),
            Elsewhere,
            vec![Attach(Ends(None, "Stopped", 9))],
        )),
    ]
}

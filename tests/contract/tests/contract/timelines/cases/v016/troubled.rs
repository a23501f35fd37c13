//! Jobs that get another parallelism, fail or recover.

use super::super::super::table::{
    Asked::{Elsewhere, Parallelism, Restart, StopWith},
    Before::{EndOf, Nothing, ToRun},
    Case,
    Drive::{Attach, Run, Stable, Stop, Watch},
    Stopping::{EndedOtherwise, NotInTime, Stopped},
    Then::{Deadline, Ends, NoTasks, Runs},
};
use super::super::{case, created};

pub fn cases() -> Vec<Case> {
    let mut cases = parallelisms();
    cases.extend(failures());
    cases.extend(recoveries());
    cases
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
            vec![Stop(Stopped(8, None)), Attach(Ends(None, "Stopped", 8))],
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
            vec![Stop(Stopped(7, None)), Attach(Ends(None, "Stopped", 7))],
        ),
    ]
}

//! Jobs whose parallelism is changed, or that fail or recover.

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
        // The old run is still shown as Running at first, and must not count; then it is stuck. A controller slower than two ticks shows it
        // for longer: the limit named in `docs/guarantees.md`.
        Case {
            slow: Some(Runs(8)),
            ..case(
                "262_rescale_states",
                EndOf("255_restart_ignore_state_states"),
                Parallelism(2),
                vec![Run(Deadline("Restarting")), Watch(Runs(8))],
            )
        },
        // It stays stuck. Stepwell never sends a parallelism of 0.
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
        // Recorded only until Running was seen, which belonged to the old run. It counts after two ticks without a change.
        case(
            "282_rescale_states",
            ToRun,
            Parallelism(2),
            vec![Run(Runs(1)), Watch(Runs(1))],
        ),
        // Stepwell never creates with a parallelism of 0.
        case(
            "291_parallelism_0_states",
            Nothing,
            Elsewhere,
            vec![Attach(NoTasks(1))],
        ),
        // There is no task that could report that it has stopped.
        case(
            "295_parallelism_0_stop_states",
            EndOf("291_parallelism_0_states"),
            StopWith("immediate"),
            vec![Stop(NotInTime("Stopping"))],
        ),
        // It needs more slots than there are.
        created(
            "298_parallelism_100_states",
            vec![Run(Deadline("Scheduling"))],
        ),
    ]
}

/// Each job is Running for a moment before it fails, which only `stable_for` notices.
fn failures() -> Vec<Case> {
    let failed = |run, stable| {
        vec![
            Run(Ends(Some(1), "Failed", run)),
            Stable(stable, Ends(None, "Failed", run)),
        ]
    };
    vec![
        created("300_missing_file_states", failed(1, 1.0)),
        // Failed in run 1 when the restart was requested, and then failed in run 2: only the latter counts.
        case(
            "306_failed_restart_states",
            EndOf("300_missing_file_states"),
            Restart,
            vec![Run(Ends(None, "Failed", 2))],
        ),
        created("360_div_by_zero_states", failed(1, 2.0)),
        // A failed job records the stop, but stays Failed.
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
        // Two runs fail temporarily, and the second one permanently.
        created("630_bad_data_allowed_restarts_2_states", failed(2, 1.0)),
    ]
}

/// Recovering is not an end, however often it happens.
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
        // Recovering takes 39 seconds.
        case(
            "379_recovering_stop_states",
            EndOf("375_bad_data_fail_nowait_states"),
            StopWith("checkpoint"),
            vec![Stop(Stopped(7, None)), Attach(Ends(None, "Stopped", 7))],
        ),
    ]
}

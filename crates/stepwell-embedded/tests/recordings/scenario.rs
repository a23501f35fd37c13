//! Which recorded exchanges belong together, and the actions between them that were not recorded.

use crate::setup::Setup::{
    self, CallOffTooLate, CloseAndStart, Create, CreateNeverStarted, Kill, Patch, Restart, Until,
};

/// A range of exchanges that is replayed against an engine of its own.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub first: &'static str,
    pub last: &'static str,
    /// The actions before a recorded exchange or timeline.
    pub before: &'static [(&'static str, Setup)],
}

const fn scenario(first: &'static str, last: &'static str) -> Scenario {
    Scenario {
        first,
        last,
        before: &[],
    }
}

impl Scenario {
    const fn before(mut self, before: &'static [(&'static str, Setup)]) -> Self {
        self.before = before;
        self
    }
}

const ENDLESS: &str = "CREATE TABLE impulse WITH (connector='impulse', event_rate='10');
CREATE TABLE sink (counter BIGINT UNSIGNED, subtask_index BIGINT UNSIGNED) WITH (connector='blackhole');
INSERT INTO sink SELECT counter, subtask_index FROM impulse;";

/// The query of the recorded pipelines that exist only to be listed.
const ONE_ROW: &str =
    "CREATE TABLE impulse WITH (connector='impulse', event_rate='10', message_count='1');
CREATE TABLE sink (counter BIGINT UNSIGNED) WITH (connector='blackhole');
INSERT INTO sink SELECT counter FROM impulse;";

const PRINTING: &str = "CREATE TABLE impulse WITH (connector='impulse', event_rate='2');
SELECT counter, subtask_index FROM impulse;
";

const fn listed(id: &'static str, name: &'static str) -> Setup {
    Create {
        id,
        name,
        query: ONE_ROW,
        parallelism: 1,
    }
}

const fn endless(id: &'static str, name: &'static str) -> Setup {
    Create {
        id,
        name,
        query: ENDLESS,
        parallelism: 1,
    }
}

/// All scenarios, in the order of the recording and without gaps.
pub const SCENARIOS: [Scenario; 29] = [
    scenario("001_ping", "047_validate_python_udf"),
    scenario("100_create_blackhole", "275_list_after_delete").before(&[
        // The point at which the recorded pipeline is stuck.
        (
            "263_get_pipeline_after_rescale",
            Until("pl_aPfTVLdeeM", "Running"),
        ),
        (
            "267_get_pipeline_after_parallelism_0",
            Until("pl_aPfTVLdeeM", "Running"),
        ),
        ("272_delete_stopped", Until("pl_aPfTVLdeeM", "Stopped")),
    ]),
    scenario("280_create_for_rescale", "286_delete").before(&[
        ("281_patch_parallelism_2", Until("pl_lktj3Y8gaJ", "Running")),
        ("286_delete", Until("pl_lktj3Y8gaJ", "Stopped")),
    ]),
    scenario("290_create_parallelism_0", "296_parallelism_0_delete"),
    scenario("297_create_parallelism_100", "299b_parallelism_100_delete").before(&[(
        "299b_parallelism_100_delete",
        Until("pl_njxOK1ICZn", "Stopped"),
    )]),
    scenario("300_create_missing_file", "312_delete_failed"),
    scenario("320_create_finite_impulse", "328_finished_delete"),
    scenario("330_create_file_to_file", "332_file_to_file_delete"),
    scenario("340_create_bad_data_fail", "341_bad_data_fail_pipeline").before(&[(
        "341_bad_data_fail_errors",
        Until("pl_G2ArOBavle", "Recovering"),
    )]),
    scenario("342_create_bad_data_drop", "343_bad_data_drop_pipeline"),
    scenario("350_create_failing_cast", "351_failing_cast_pipeline")
        .before(&[("351_failing_cast_errors", Until("pl_m2z1QeOknB", "Running"))]),
    scenario("360_create_div_by_zero", "363_div_by_zero_after_pipeline"),
    scenario(
        "370_create_file_to_file_nowait",
        "372_file_to_file_nowait_delete",
    ),
    scenario(
        "373_create_failing_cast_nowait",
        "374_failing_cast_nowait_pipeline",
    ),
    scenario(
        "375_create_bad_data_fail_nowait",
        "379b_after_recovering_stop_pipeline",
    )
    .before(&[
        (
            "376_bad_data_fail_nowait_errors",
            Until("pl_ydLTsOpF2I", "Recovering"),
        ),
        (
            "379b_after_recovering_stop_errors",
            Until("pl_ydLTsOpF2I", "Stopped"),
        ),
    ]),
    scenario(
        "380_create_filesystem_missing_dir",
        "381_filesystem_missing_dir_pipeline",
    ),
    scenario("400_list_default_12_pipelines", "411_list_limit_2147483646").before(&[
        (
            "400_list_default_12_pipelines",
            listed("pl_MBes0tTxKj", "page00"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_BmIlo6uGSC", "page01"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_FBJ0rX8TeZ", "page02"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_Bu2zhrz8jg", "page03"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_8fuPzPln7b", "page04"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_rakLRRHiHB", "page05"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_3XP54Yxa6O", "page06"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_wsVXBJYY36", "page07"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_3lm8o2azPh", "page08"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_miZmxGD7v4", "page09"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_sAkAD14kEd", "page10"),
        ),
        (
            "400_list_default_12_pipelines",
            listed("pl_7tnQHzJpr9", "page11"),
        ),
    ]),
    scenario("420_fast_list_all", "421_fast_list_limit_2").before(&[
        // They were created within one second there, and have no order; here the newest is listed first.
        ("420_fast_list_all", listed("pl_XMxYmz1Yux", "fast05")),
        ("420_fast_list_all", listed("pl_nak0uE4yMj", "fast04")),
        ("420_fast_list_all", listed("pl_HA9ASt6oOW", "fast03")),
        ("420_fast_list_all", listed("pl_JWenPr2RG6", "fast02")),
        ("420_fast_list_all", listed("pl_kWKU6FHMNQ", "fast01")),
        ("420_fast_list_all", listed("pl_fY3J5vABYc", "fast00")),
    ]),
    scenario("430_put_pipeline_id", "450_preview_bad_sql").before(&[
        ("432_get_put_pipeline", Until("my-own-id", "Finished")),
        ("434_list_dup_names", Until("pl_558ABh5VHz", "Finished")),
        ("444_preview_in_list", Until("pl_d5n8omooDR", "Finished")),
    ]),
    scenario(
        "451_create_select_without_sink",
        "452_select_without_sink_output_sse",
    ),
    scenario(
        "460_patch_stop_checkpoint_immediately_after_create",
        "463_stop_while_created_delete",
    )
    .before(&[
        (
            "460_patch_stop_checkpoint_immediately_after_create",
            endless("pl_LzuJDDh5xR", "stopfast"),
        ),
        (
            "460_patch_stop_checkpoint_immediately_after_create",
            Until("pl_LzuJDDh5xR", "Running"),
        ),
        (
            "462_stop_while_created_later",
            Until("pl_LzuJDDh5xR", "Stopped"),
        ),
    ]),
    scenario("464_resume_never_started", "467_patch_none_right_after").before(&[
        (
            "464_resume_never_started",
            CreateNeverStarted {
                id: "pl_KidXoP6AK1",
                name: "stopfast",
                query: ENDLESS,
            },
        ),
        (
            "466_patch_stop_checkpoint",
            Until("pl_KidXoP6AK1", "Running"),
        ),
        (
            "467_patch_none_right_after",
            Until("pl_KidXoP6AK1", "Stopped"),
        ),
        // A second one, whose rows can be left unread.
        (
            "470_patch_none_while_stopping_states",
            CreateNeverStarted {
                id: "pl_KidXoP6AK1",
                name: "stopfast",
                query: PRINTING,
            },
        ),
        (
            "470_patch_none_while_stopping_states",
            Patch("pl_KidXoP6AK1", r#"{"stop": "none"}"#),
        ),
        (
            "470_patch_none_while_stopping_states",
            Until("pl_KidXoP6AK1", "Running"),
        ),
        (
            "470_patch_none_while_stopping_states",
            CallOffTooLate("pl_KidXoP6AK1"),
        ),
    ]),
    scenario("517_run_http_list", "519_run_http_ping").before(&[(
        "517_run_http_list",
        Create {
            id: "pl_DPzxifIzY4",
            name: "myname",
            query: PRINTING,
            parallelism: 2,
        },
    )]),
    scenario(
        "600_create_process_sched_bh",
        "623_after_restart_patch_stop_checkpoint",
    )
    .before(&[
        (
            "612_process_after_worker_kill_errors",
            Until("pl_d0mVmQ2pbl", "Running"),
        ),
        // Instead of the worker that was killed, which cost a run as well.
        (
            "612_process_after_worker_kill_errors",
            Restart("pl_d0mVmQ2pbl", 7),
        ),
        ("620_server_sigkill_restart_states", Kill),
        ("622_server_sigint_restart_states", CloseAndStart),
        ("624_server_restart_with_stopped_states", CloseAndStart),
    ]),
    scenario(
        "630_create_bad_data_allowed_restarts_2",
        "632_restart_failed",
    )
    .before(&[(
        "631_bad_data_allowed_restarts_2_errors",
        Until("pl_doAKKclUUG", "Recovering"),
    )]),
    scenario("640_create_unicode_name", "660_admin_org_route"),
    scenario("700_pg_create", "719_pg_jobs")
        .before(&[("710_pg_list", Until("pl_PCn0IMDSZ1", "Finished"))]),
    scenario(
        "811_stuck_restarting_restart_force",
        "811_stuck_restarting_restart_force",
    )
    .before(&[
        (
            "811_stuck_restarting_restart_force",
            endless("pl_AG5VoHyPaX", "stuck"),
        ),
        (
            "811_stuck_restarting_restart_force",
            Patch(
                "pl_AG5VoHyPaX",
                r#"{"checkpoint_interval_micros": 1000000}"#,
            ),
        ),
        (
            "811_stuck_restarting_restart_force",
            Until("pl_AG5VoHyPaX", "Running"),
        ),
    ]),
    scenario("900_auth_ping_no_token", "907_auth_lowercase_bearer"),
];

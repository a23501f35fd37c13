//! All recorded behaviour of Arroyo from which the embedded engine differs, with the reasons.

/// Exchanges that have different answers, for one reason.
#[derive(Clone, Copy, Debug)]
pub struct Different {
    pub reason: &'static str,
    /// The fields that differ; everything else is as recorded. Empty: the whole answer differs.
    pub fields: &'static [&'static str],
    pub names: &'static [&'static str],
}

/// Timelines that are not checked, for one reason.
#[derive(Clone, Copy, Debug)]
pub struct Unplayed {
    pub reason: &'static str,
    pub names: &'static [&'static str],
}

pub fn is_listed(exchange: &str) -> bool {
    let mut all = DIFFERENT.iter();
    all.any(|different| different.names.contains(&exchange))
}

pub fn is_unplayed(timeline: &str) -> bool {
    let mut all = UNPLAYED.iter();
    all.any(|unplayed| unplayed.names.contains(&timeline))
}

const FILES: &str = "filesystem, a connector that the engine lacks";
const WAITS: &str = "a worker whose source waits for control messages is not taken for dead";
const RETRIES: &str = "the recorded retries take more than a minute";
const ALLOWED: &str = "how often a job may be restarted cannot be set";
const AT_ONCE: &str = "the engine acts at once: what was recorded on the way is over";
const PREVIEWS: &str = "previews";
const STUCK: &str = "a real server's restart stuck in Restarting";

/// The fields that show an action.
const ACTION: &[&str] = &["action", "action_in_progress", "action_text"];

pub const DIFFERENT: &[Different] = &[
    Different {
        reason: "aggregates without a window",
        fields: &["errors", "graph"],
        names: &["037_validate_non_windowed_agg"],
    },
    Different {
        reason: "words of Arroyo's own planner",
        fields: &["message"],
        names: &["039_validate_select_1", "042_validate_update_delete_stmt"],
    },
    Different {
        reason: "user-defined functions",
        fields: &["error"],
        names: &["046_validate_rust_udf_bad", "047_validate_python_udf"],
    },
    Different {
        reason: "user-defined functions",
        fields: &[],
        names: &["658_udf_validate", "659_udf_create"],
    },
    Different {
        reason: FILES,
        fields: &[],
        names: &[
            "380_create_filesystem_missing_dir",
            "381_filesystem_missing_dir_errors",
            "381_filesystem_missing_dir_jobs",
            "381_filesystem_missing_dir_pipeline",
        ],
    },
    Different {
        reason: WAITS,
        fields: &["run_id"],
        names: &["343_bad_data_drop_jobs", "351_failing_cast_jobs"],
    },
    Different {
        reason: "the engine says which line is no row, and which value does not fit",
        fields: &["details"],
        names: &["378_bad_data_drop_nowait_errors"],
    },
    Different {
        reason: "the same, after a checkpoint that is not waited for here",
        fields: &[],
        names: &["343_bad_data_drop_errors"],
    },
    Different {
        reason: RETRIES,
        fields: &["data", "run_id"],
        names: &[
            "341_bad_data_fail_errors",
            "341_bad_data_fail_jobs",
            "376_bad_data_fail_nowait_errors",
            "376_bad_data_fail_nowait_jobs",
            "379b_after_recovering_stop_errors",
            "379b_after_recovering_stop_jobs",
        ],
    },
    Different {
        reason: ALLOWED,
        fields: &[
            "action",
            "action_in_progress",
            "action_text",
            "data",
            "failure_reason",
            "finish_time",
            "run_id",
            "state",
        ],
        names: &[
            "631_bad_data_allowed_restarts_2_errors",
            "631_bad_data_allowed_restarts_2_jobs",
            "631_bad_data_allowed_restarts_2_pipeline",
            "632_restart_failed",
        ],
    },
    Different {
        reason: PREVIEWS,
        fields: &[],
        names: &[
            "440_create_preview",
            "443_preview_get",
            "445_preview_jobs",
            "446_preview_patch_stop_immediate",
            "447_preview_get_after_stop",
            "448_preview_get_later",
            "449_preview_delete",
            "450_preview_bad_sql",
        ],
    },
    Different {
        reason: "a stream of rows that has no end; `tests/output.rs` looks at its events",
        fields: &[],
        names: &["452_select_without_sink_output_sse"],
    },
    Different {
        reason: "connection tables",
        fields: &[],
        names: &[
            "652_connection_table_create_bad",
            "653_connection_table_create",
            "654_connection_tables",
            "655_validate_using_connection_table",
            "656_connection_table_create_dup",
        ],
    },
    Different {
        reason: "the engine describes neither itself nor an organization",
        fields: &[],
        names: &["002_openapi_json", "660_admin_org_route"],
    },
    Different {
        reason: "the engine does not measure its operators, nor what they wrote to a checkpoint",
        fields: &["data", "subtasks"],
        names: &[
            "201_checkpoint_details",
            "202_metrics_running",
            "215_metrics_stopped",
        ],
    },
    Different {
        reason: "the engine does not say which operator failed",
        fields: &["operator_id"],
        names: &[
            "361_div_by_zero_errors",
            "374_failing_cast_nowait_errors",
            "363_div_by_zero_after_errors",
            "614_process_sched_fail_errors",
        ],
    },
    Different {
        reason: "the web UI",
        fields: &[],
        names: &[
            "155_unknown_route_api_v2",
            "156_unknown_route_static",
            "157_unknown_route_static_ext",
            "158_root",
        ],
    },
    Different {
        reason: "a page of another origin may not use the engine, and so needs no preflight",
        fields: &[],
        names: &["164_options_ping_cors"],
    },
    Different {
        reason: "the engine has no API key",
        fields: &[],
        names: &[
            "900_auth_ping_no_token",
            "901_auth_ping_wrong_token",
            "903_auth_ping_basic",
            "904_auth_list_no_token",
            "905_auth_create_no_token",
            "906_auth_ui_no_token",
            "907_auth_lowercase_bearer",
        ],
    },
    Different {
        reason: "a limit by which a real server's handler panics is a large limit",
        fields: &[],
        names: &["171_query_param_limit_u32max"],
    },
    Different {
        reason: "another version of serde_json counts the columns of invalid UTF-8 otherwise",
        fields: &["error"],
        names: &["138_create_invalid_utf8"],
    },
    Different {
        reason: STUCK,
        fields: &["action_in_progress", "run_id", "state", "tasks"],
        names: &[
            "263_get_pipeline_after_rescale",
            "264_get_jobs_after_rescale",
            "265_patch_parallelism_0",
            "267_get_pipeline_after_parallelism_0",
            "268_get_jobs_after_parallelism_0",
            "811_stuck_restarting_restart_force",
        ],
    },
    Different {
        reason: "a job without subtasks can be stopped",
        fields: &[],
        names: &["296_parallelism_0_delete"],
    },
    Different {
        reason: AT_ONCE,
        fields: ACTION,
        names: &[
            "420_fast_list_all",
            "421_fast_list_limit_2",
            "432_get_put_pipeline",
            "460_patch_stop_checkpoint_immediately_after_create",
            "467_patch_none_right_after",
        ],
    },
    Different {
        reason: AT_ONCE,
        fields: &["run_id", "start_time", "tasks"],
        names: &["462_stop_while_created_later"],
    },
    Different {
        reason: "on SQLite there is no order among pipelines of one second",
        fields: &[],
        names: &["434_list_dup_names", "444_preview_in_list"],
    },
    Different {
        reason: "the server that was recorded on PostgreSQL started no jobs",
        fields: ACTION,
        names: &[
            "710_pg_list",
            "711_pg_list_limit_2",
            "712_pg_list_limit_2_after",
            "714_pg_limit_10000",
        ],
    },
    Different {
        reason: "the server that was recorded on PostgreSQL started no jobs",
        fields: &["finish_time", "run_id", "start_time", "state", "tasks"],
        names: &["719_pg_jobs"],
    },
];

pub const UNPLAYED: &[Unplayed] = &[
    Unplayed {
        reason: FILES,
        names: &["380_filesystem_missing_dir_states"],
    },
    Unplayed {
        reason: WAITS,
        names: &["342_bad_data_drop_states", "350_failing_cast_states"],
    },
    Unplayed {
        reason: RETRIES,
        names: &[
            "340_bad_data_fail_states",
            "375_bad_data_fail_nowait_states",
        ],
    },
    Unplayed {
        reason: ALLOWED,
        names: &["630_bad_data_allowed_restarts_2_states"],
    },
    Unplayed {
        reason: "the recorded run failed again before it was seen to run",
        names: &["306_failed_restart_states"],
    },
    Unplayed {
        reason: "a stop during Recovering does not wait for the end of the pause",
        names: &["379_recovering_stop_states"],
    },
    Unplayed {
        reason: PREVIEWS,
        names: &["441_preview_states", "446_preview_stop_immediate_states"],
    },
    Unplayed {
        reason: STUCK,
        names: &[
            "262_rescale_states",
            "266_rescale_0_states",
            "271_stop_from_restarting_states",
        ],
    },
    Unplayed {
        reason: AT_ONCE,
        names: &[
            "282_rescale_states",
            "461_stop_while_created_states",
            "468_stop_then_none_states",
        ],
    },
    Unplayed {
        reason: "a job without subtasks can be stopped",
        names: &["295_parallelism_0_stop_states"],
    },
    Unplayed {
        reason: "the engine's workers are no processes that could be killed",
        names: &["611_process_worker_killed_states"],
    },
    Unplayed {
        reason: "100 subtasks run: they need no slots",
        names: &["298_parallelism_100_states"],
    },
];

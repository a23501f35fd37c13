//! What the document has and stepwell lacks. Each list is the exact difference.

const CONNECTIONS: &str = "tables are created in the query, by CREATE TABLE";

const GLOBAL_UDFS: &str = "functions are sent with the query that uses them";

/// Operations, each with the reason.
pub const OPERATIONS: [(&str, &str); 18] = [
    ("get_connection_profiles", CONNECTIONS),
    ("create_connection_profile", CONNECTIONS),
    ("test_connection_profile", CONNECTIONS),
    ("delete_connection_profile", CONNECTIONS),
    ("get_connection_profile_autocomplete", CONNECTIONS),
    ("get_connection_tables", CONNECTIONS),
    ("create_connection_table", CONNECTIONS),
    ("test_schema", CONNECTIONS),
    ("test_connection_table", CONNECTIONS),
    ("delete_connection_table", CONNECTIONS),
    ("get_connectors", CONNECTIONS),
    (
        "create_preview_pipeline",
        "a preview ends with its client and is not a pipeline that keeps running",
    ),
    (
        "get_checkpoint_details",
        "only the existence of a final checkpoint matters",
    ),
    (
        "get_operator_metric_groups",
        "metrics are for dashboards, not for orchestration",
    ),
    ("get_udfs", GLOBAL_UDFS),
    ("create_udf", GLOBAL_UDFS),
    ("validate_udf", GLOBAL_UDFS),
    ("delete_udf", GLOBAL_UDFS),
];

/// Parameters of operations that stepwell calls.
pub const PARAMETERS: [(&str, &str, &str); 1] = [(
    "get_job_errors",
    "starting_after",
    "one page is enough for a reader, and the cursor skips entries at the border of two pages",
)];

/// Fields of replies that stepwell does not read, by their places: it reads all of them.
pub const UNREAD_FIELDS: [(&str, &str); 0] = [];

/// Fields of requests that stepwell does not send.
pub const UNSENT_FIELDS: [(&str, &str, &str); 3] = [
    (
        "PipelinePost",
        "state_url",
        "a pipeline starts from nothing or is resumed; nothing in the workflow starts one from another's state",
    ),
    (
        "PipelinePatch",
        "env_vars",
        "on a resume a differing environment is reported and not changed",
    ),
    (
        "PipelinePatch",
        "scheduler_config",
        "on a resume a differing configuration is reported and not changed",
    ),
];

/// Fields that stepwell sends and the document lacks.
pub const EXTRA_FIELDS: [(&str, &str, &str); 2] = [
    (
        "PipelinePost",
        "checkpointIntervalMicros",
        "servers up to 0.14 read this one",
    ),
    (
        "PipelinePatch",
        "checkpointIntervalMicros",
        "servers up to 0.14 read this one",
    ),
];

/// Fields that stepwell sends and 0.15.0 does not know yet.
pub const NEW_FIELDS: [(&str, &str); 4] = [
    ("PipelinePost", "tags"),
    ("PipelinePost", "env_vars"),
    ("PipelinePost", "scheduler_config"),
    ("PipelineRestart", "ignore_state"),
];

pub fn is_lacked(id: &str) -> bool {
    OPERATIONS.iter().any(|(lacked, _)| *lacked == id)
}

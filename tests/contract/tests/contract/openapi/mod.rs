//! x
pub fn is_lacked(id: &str) -> bool {
    [
        "get_jobs",
        "create_preview_pipeline",
        "get_checkpoint_details",
        "get_operator_metric_groups",
    ]
    .contains(&id)
}

//! Endpoints that a dashboard requests besides pipelines and jobs. The replies have the recorded form and are mostly empty.

use http::StatusCode;
use serde::Serialize;
use stepwell_arroyo::{Page, PipelineId};

use crate::{
    ControlPlane,
    endpoint::{All, find_job},
    record::Record,
    reply::{Reply, json, not_found, reject, reject_text},
};

/// The metrics that a real server reports for each operator.
const METRICS: [&str; 5] = [
    "backpressure",
    "bytes_recv",
    "bytes_sent",
    "messages_recv",
    "messages_sent",
];

#[derive(Serialize)]
struct OperatorMetrics {
    node_id: u32,
    metric_groups: Vec<MetricGroup>,
}

#[derive(Serialize)]
struct MetricGroup {
    name: &'static str,
    /// One entry per measured subtask; nothing is measured here.
    subtasks: [(); 0],
}

/// An empty list.
pub(crate) fn none() -> Reply {
    json(&All::<()> { data: Vec::new() })
}

/// An empty list of connection tables, which is paged like that of pipelines.
pub(crate) fn no_connection_tables() -> Reply {
    json(&Page::<()>::new(Vec::new(), false))
}

/// Replies as a real server does before it has measured anything (recording `115_metrics`).
pub(crate) fn metrics(plane: &ControlPlane, id: &PipelineId, job: &str) -> Reply {
    let (Some(Record { pipeline, .. }), Some(_)) =
        (plane.records.get(id), find_job(plane, id, job))
    else {
        return not_found("Job");
    };
    let operators = pipeline.graph.nodes().iter().map(|node| OperatorMetrics {
        node_id: node.node_id,
        metric_groups: METRICS
            .map(|name| MetricGroup { name, subtasks: [] })
            .into(),
    });
    json(&All {
        data: operators.collect(),
    })
}

pub(crate) fn checkpoint(plane: &ControlPlane, id: &PipelineId, job: &str, epoch: &str) -> Reply {
    let Ok(number) = epoch.parse::<u32>() else {
        return reject_text(&format!(
            "Invalid URL: Cannot parse `epoch` with value `{epoch:?}` to a `u32`"
        ));
    };
    let Some(found) = find_job(plane, id, job) else {
        return not_found("Job");
    };
    let is_known = found
        .checkpoints
        .iter()
        .any(|checkpoint| checkpoint.epoch == u64::from(number));
    if is_known {
        return none();
    }
    reject(
        StatusCode::NOT_FOUND,
        &format!("Checkpoint with epoch {number} for job '{job}' not found"),
    )
}

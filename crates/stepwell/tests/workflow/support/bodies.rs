//! Bodies in the recorded shape.

use serde_json::{Value, json};

/// A moment in microseconds of Unix time.
pub(crate) const T0: u64 = 1_795_574_859_000_000;

pub(crate) fn graph(parallelism: u32) -> Value {
    json!({
        "nodes": [
            {"node_id": 0, "operator": "impulse", "description": "Impulse<10 eps>", "parallelism": parallelism},
            {"node_id": 4, "operator": "blackhole", "description": "Blackhole", "parallelism": parallelism},
        ],
        "edges": [{"src_id": 0, "dest_id": 4, "key_type": "()", "value_type": "()", "edge_type": "Forward"}],
    })
}

/// A pipeline named `orders`, as `102_get_pipeline_running` shows one.
pub(crate) fn pipeline(id: impl AsRef<str>, query: &str) -> Value {
    json!({
        "id": id.as_ref(), "name": "orders", "query": query, "udfs": [], "checkpoint_interval_micros": 10_000_000,
        "stop": "none", "created_at": T0, "action": "checkpoint", "action_text": "Stop", "action_in_progress": false,
        "graph": graph(1), "preview": false, "state_url": null, "tags": {},
    })
}

/// A job in its first run, as `103_get_jobs_running` shows one.
pub(crate) fn job(state: &str) -> Value {
    let ended = matches!(state, "Stopped" | "Finished" | "Failed");
    json!({
        "id": "job_1", "pipeline_id": "pl_1", "running_desired": true, "state": state, "run_id": 1, "start_time": T0 + 1_163_266,
        "finish_time": ended.then_some(T0 + 60_310_000), "tasks": 3, "failure_reason": null, "created_at": T0,
        "scheduler_config": {}, "env_vars": {},
    })
}

/// A job that was told to stop, or has stopped.
pub(crate) fn undesired(state: &str) -> Value {
    job(state).with("running_desired", json!(false))
}

pub(crate) fn checkpoint(epoch: u64, kind: &str, finished: bool) -> Value {
    json!({
        "epoch": epoch, "backend": "parquet", "checkpoint_type": kind, "start_time": T0 + epoch * 10_000_000,
        "finish_time": finished.then_some(T0 + epoch * 10_000_000 + 300_000), "events": [],
    })
}

/// An entry of the job's log, logged this many seconds after the job was created.
pub(crate) fn logged(id: &str, seconds: u64, details: &str) -> Value {
    json!({
        "id": id, "created_at": T0 + seconds * 1_000_000, "operator_id": null, "task_index": 0, "level": "error",
        "message": "task failed", "details": details, "error_domain": "user",
    })
}

/// Changes a field of a body.
pub(crate) trait With {
    fn with(self, field: &str, value: Value) -> Self;
    fn without(self, field: &str) -> Self;
}

impl With for Value {
    fn with(mut self, field: &str, value: Value) -> Self {
        self[field] = value;
        self
    }

    fn without(mut self, field: &str) -> Self {
        self.as_object_mut().unwrap().remove(field);
        self
    }
}

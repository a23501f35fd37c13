//! A control plane with one pipeline, which fails at one kind of request.

use std::sync::Mutex;

use serde_json::{Value, json};

use crate::{
    CODE, ENVIRONMENT, SCHEDULER,
    failure::{self, Failure},
    query,
    support::server::{Reply, Request},
};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Ping,
    Validate,
    List,
    Create,
    Get,
    Patch,
    Restart,
    Delete,
    Jobs,
    Errors,
    Checkpoints,
}

pub(crate) struct World {
    failure: Option<(Place, Failure)>,
    start: Start,
    state: Mutex<State>,
}

/// The state at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Nothing,
    /// No pipeline, and no `PUT`.
    NothingAndOld,
    Running,
    Stopped,
    Failed,
    /// Running, and soon Finished.
    Finishing,
}

struct State {
    id: String,
    exists: bool,
    job: &'static str,
    run: u64,
    stop: &'static str,
    looks: usize,
}

impl World {
    pub(crate) fn new(start: Start, failure: Option<(Place, Failure)>) -> Self {
        let (job, stop) = match start {
            Start::Stopped => ("Stopped", "checkpoint"),
            Start::Failed => ("Failed", "none"),
            _ => ("Running", "none"),
        };
        Self {
            failure,
            start,
            state: Mutex::new(State {
                id: "pl_1".to_owned(),
                exists: !matches!(start, Start::Nothing | Start::NothingAndOld),
                job,
                run: 1,
                stop,
                looks: 0,
            }),
        }
    }

    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let path = request.path.split('?').next().unwrap();
        let segments: Vec<_> = path
            .trim_start_matches("/api/v1/")
            .trim_start_matches("pipelines")
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let place = match (request.method.as_str(), &segments[..]) {
            (_, ["ping"]) => Place::Ping,
            (_, ["validate_query"]) => Place::Validate,
            ("GET", []) => Place::List,
            ("POST", []) | ("PUT", _) => Place::Create,
            ("GET", [_]) => Place::Get,
            ("PATCH", _) => Place::Patch,
            ("POST", _) => Place::Restart,
            ("DELETE", _) => Place::Delete,
            (_, [.., "errors"]) => Place::Errors,
            (_, [.., "checkpoints"]) => Place::Checkpoints,
            _ => Place::Jobs,
        };
        if request.method == "PUT" && self.start == Start::NothingAndOld {
            return Reply::Whole(405, "text/plain", String::new());
        }
        match self.failure {
            Some((failing, failure)) if failing == place => failure.reply(&request.text),
            _ => self.succeed(place, segments.first().copied(), &request.text),
        }
    }

    fn succeed(&self, place: Place, id: Option<&str>, text: &str) -> Reply {
        let mut state = self.state.lock().unwrap();
        match place {
            Place::Ping => failure::json(200, &json!("Pong")),
            Place::Validate => failure::json(200, &json!({"graph": graph(), "errors": []})),
            Place::List => {
                let pipelines: Vec<_> =
                    state.exists.then(|| state.pipeline()).into_iter().collect();
                failure::json(200, &json!({"data": pipelines, "hasMore": false}))
            }
            Place::Create => {
                state.exists = true;
                if let Some(id) = id {
                    id.clone_into(&mut state.id);
                }
                failure::json(200, &state.pipeline())
            }
            _ if !state.exists || id.is_some_and(|id| id != state.id) => {
                failure::json(404, &json!({"error": "Pipeline not found"}))
            }
            Place::Get => failure::json(200, &state.pipeline()),
            Place::Patch => {
                if text.contains(r#""stop":"none""#) {
                    (state.stop, state.job) = ("none", "Running");
                    state.run += 1;
                } else {
                    (state.stop, state.job) = ("checkpoint", "Stopped");
                }
                failure::json(200, &state.pipeline())
            }
            Place::Restart => {
                state.job = "Running";
                state.run += 1;
                failure::json(200, &state.pipeline())
            }
            Place::Delete => {
                state.exists = false;
                Reply::Whole(200, "text/plain", String::new())
            }
            Place::Jobs => {
                state.looks += 1;
                if self.start == Start::Finishing && state.looks > 3 {
                    state.job = "Finished";
                }
                failure::json(200, &json!({"data": [state.job()]}))
            }
            Place::Errors => {
                let error = json!({"id": "err_1", "created_at": 1, "operator_id": "op", "task_index": 0, "level": "error",
                    "message": "it stumbled", "details": "and got up"});
                failure::json(200, &json!({"data": [error], "hasMore": false}))
            }
            Place::Checkpoints => failure::json(
                200,
                &json!({"data": [{"epoch": 1, "backend": "parquet", "checkpoint_type": "stopping",
                    "start_time": 1, "finish_time": 2, "events": []}]}),
            ),
        }
    }
}

impl State {
    fn pipeline(&self) -> Value {
        json!({
            "id": self.id, "name": "orders", "query": query(),
            "udfs": [{"definition": format!("# {CODE}"), "language": "python"}],
            "checkpoint_interval_micros": 10_000_000, "stop": self.stop, "created_at": 1, "action": null, "action_text": "",
            "action_in_progress": false, "graph": graph(), "preview": false, "state_url": null, "tags": {},
        })
    }

    fn job(&self) -> Value {
        json!({
            "id": "job_1", "pipeline_id": self.id, "running_desired": self.stop == "none", "state": self.job, "run_id": self.run,
            "start_time": 1, "finish_time": null, "tasks": 3, "failure_reason": null, "created_at": 1,
            "scheduler_config": {"key": SCHEDULER}, "env_vars": {"KEY": ENVIRONMENT},
        })
    }
}

fn graph() -> Value {
    json!({
        "nodes": [{"node_id": 0, "operator": "kafka", "description": "Kafka<orders>", "parallelism": 1}],
        "edges": [],
    })
}

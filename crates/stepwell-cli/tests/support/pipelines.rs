//! A server that holds pipelines.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::server::{Reply, Server};

/// A pipeline as a server holds it.
pub struct Held {
    pub id: String,
    pub name: String,
    /// The state of its job; `None` without a job.
    pub state: Option<String>,
    /// In microseconds of Unix time.
    pub created_at: u64,
    /// The log of its job, newest first: time, message and details.
    pub errors: Vec<(u64, String, String)>,
    /// When the last checkpoint was complete.
    pub checkpoint: Option<u64>,
}

impl Held {
    /// A pipeline that was created this many seconds ago.
    pub fn new(id: &str, name: &str, state: &str, seconds_ago: u64) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            state: Some(state.to_owned()),
            created_at: ago(seconds_ago),
            errors: Vec::new(),
            checkpoint: None,
        }
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "query": "SELECT 1", "udfs": [], "checkpoint_interval_micros": 10_000_000,
            "stop": "none", "created_at": self.created_at, "action": null, "action_text": "", "action_in_progress": false,
            "graph": {"nodes": [], "edges": []}, "preview": false,
        })
    }

    fn job(&self, says_whose: bool) -> Option<Value> {
        let mut job = json!({
            "id": format!("job_of_{}", self.id), "running_desired": true, "state": self.state.as_deref()?, "run_id": 3,
            "start_time": self.created_at, "finish_time": null, "tasks": 3, "failure_reason": null, "created_at": self.created_at,
        });
        if says_whose {
            job["pipeline_id"] = json!(self.id);
        }
        Some(job)
    }
}

/// The time this many seconds ago, in microseconds of Unix time.
pub fn ago(seconds: u64) -> u64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(now.as_micros()).unwrap() - seconds * 1_000_000
}

/// How a server shows the jobs of all pipelines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AllJobs {
    /// With their pipelines.
    Whose,
    /// Without their pipelines, as servers up to 0.15.
    Anonymous,
    /// Not at all, with this status.
    Missing(u16),
}

/// A server that holds these pipelines and can stop them.
pub fn holding(held: Vec<Held>, all_jobs: AllJobs) -> Server {
    let held = Mutex::new(held);
    Server::start(move |_, method, path| {
        let path = path.split('?').next().unwrap_or_default();
        let Some(rest) = path.strip_prefix("/api/v1/") else {
            return not_found("Route");
        };
        let mut held = held.lock().unwrap();
        let parts: Vec<_> = rest.split('/').collect();
        let find = |id: &str| held.iter().position(|pipeline| pipeline.id == id);
        match (method, parts.as_slice()) {
            ("GET", ["ping"]) => reply(&json!("Pong")),
            ("POST", ["pipelines", "validate_query"]) => {
                reply(&json!({"graph": {"nodes": [], "edges": []}, "errors": []}))
            }
            ("GET", ["pipelines"]) => {
                let data: Vec<_> = held.iter().map(Held::shown).collect();
                reply(&json!({"data": data, "hasMore": false}))
            }
            ("GET", ["jobs"]) => {
                if let AllJobs::Missing(status) = all_jobs {
                    return Reply::Whole(status, "application/json", "{}".to_owned());
                }
                let whose = all_jobs == AllJobs::Whose;
                let data: Vec<_> = held.iter().filter_map(|held| held.job(whose)).collect();
                reply(&json!({ "data": data }))
            }
            (method, ["pipelines", id, rest @ ..]) => match find(id) {
                Some(index) => of_one(&mut held[index], method, rest),
                None => not_found("Pipeline"),
            },
            _ => not_found("Route"),
        }
    })
}

fn of_one(held: &mut Held, method: &str, path: &[&str]) -> Reply {
    match (method, path) {
        ("GET", []) => reply(&held.shown()),
        ("PATCH", []) => {
            held.state = Some("Stopped".to_owned());
            reply(&held.shown())
        }
        ("GET", ["jobs"]) => {
            let mut job = held.job(true);
            if let Some(job) = job.as_mut().filter(|job| job["state"] == "Stopped") {
                job["running_desired"] = json!(false);
            }
            reply(&json!({ "data": job.into_iter().collect::<Vec<_>>() }))
        }
        ("GET", ["jobs", _, "errors"]) => {
            let errors: Vec<_> = held.errors.iter().map(|(at, message, details)| json!({
                "id": at.to_string(), "created_at": at, "operator_id": "", "task_index": 0, "level": "error", "message": message,
                "details": details, "error_domain": "user",
            })).collect();
            reply(&json!({"data": errors, "hasMore": false}))
        }
        ("GET", ["jobs", _, "checkpoints"]) => {
            let checkpoints: Vec<_> = held.checkpoint.iter().map(|at| json!({
                "epoch": 7, "backend": "x", "checkpoint_type": "scheduled", "start_time": at, "finish_time": at, "events": [],
            })).collect();
            reply(&json!({ "data": checkpoints }))
        }
        _ => not_found("Route"),
    }
}

fn reply(body: &Value) -> Reply {
    Reply::Whole(200, "application/json", body.to_string())
}

fn not_found(what: &str) -> Reply {
    let body = json!({"error": format!("{what} not found")});
    Reply::Whole(404, "application/json", body.to_string())
}

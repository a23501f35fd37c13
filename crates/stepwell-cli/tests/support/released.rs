//! A release 0.15.0 with one pipeline, as its recordings show it: no `PUT`, jobs without their pipeline, checkpoints without a kind.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::server::{Reply, Server, made};

/// What the pipeline's job does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// It runs until a stop, and shows CheckpointStopping for this many polls before it is Stopped
    /// (`510_stop_checkpoint_states`).
    Stops(u32),
    /// A stop ends as Failed (`112_stop_immediate_states`).
    FailsToStop,
    /// A new run at every poll, without a reason, and Failed after this many (`550_create_divide_by_zero_states`).
    Restarts(u64),
}

struct World {
    job: Job,
    created: bool,
    run: u64,
    looks_since_stop: Option<u32>,
}

impl World {
    fn pipeline(&self) -> Value {
        let stop = self.looks_since_stop.map_or("none", |_| "checkpoint");
        json!({
            "id": "pl_1", "name": "hello", "query": "SELECT 1", "udfs": [], "checkpoint_interval_micros": 10_000_000, "stop": stop,
            "created_at": 1, "action": null, "action_text": "", "action_in_progress": false, "graph": {"nodes": [], "edges": []},
            "preview": false,
        })
    }

    fn look(&mut self) -> Value {
        let mut state = "Running";
        let mut failure = None;
        if let Some(looks) = &mut self.looks_since_stop {
            *looks += 1;
            state = match self.job {
                Job::FailsToStop => "Failed",
                Job::Stops(most) if *looks <= most => "CheckpointStopping",
                _ => "Stopped",
            };
            failure = (state == "Failed").then_some("failed while stopping job");
        } else if let Job::Restarts(most) = self.job {
            self.run += 1;
            if self.run > most {
                state = "Failed";
                failure = Some("Job has restarted too many times");
            }
        }
        json!({
            "id": "job_1", "running_desired": self.looks_since_stop.is_none(), "state": state, "run_id": self.run, "start_time": 1,
            "finish_time": null, "tasks": 3, "failure_message": failure, "created_at": 1,
        })
    }

    fn checkpoints(&self) -> Value {
        match (self.job, self.looks_since_stop) {
            (Job::Stops(_), Some(looks)) if looks > 0 => {
                json!([{"epoch": 1, "backend": "parquet", "start_time": 5, "finish_time": 6, "events": []}])
            }
            _ => json!([]),
        }
    }
}

/// The server holds the pipeline from the start, or after its create.
pub fn released(job: Job, created: bool) -> Server {
    let world = Mutex::new(World {
        job,
        created,
        run: 1,
        looks_since_stop: None,
    });
    Server::start_on(move |request| {
        let mut world = world.lock().unwrap();
        let path = request.path.split('?').next().unwrap_or_default();
        let body = match (
            request.method.as_str(),
            path.strip_prefix("/api/v1/").unwrap_or_default(),
        ) {
            ("PUT", _) => return Reply::Whole(405, "", String::new()),
            ("GET", "ping") => json!("Pong"),
            ("POST", "pipelines/validate_query") => {
                json!({"graph": {"nodes": [], "edges": []}, "errors": []})
            }
            ("GET", "pipelines") => {
                let held = world.created.then(|| world.pipeline());
                json!({"data": held.into_iter().collect::<Vec<_>>(), "hasMore": false})
            }
            ("POST", "pipelines") => {
                world.created = true;
                serde_json::from_str(&made(&request.text)).unwrap()
            }
            ("PATCH", "pipelines/pl_1") => {
                world.looks_since_stop = Some(0);
                world.pipeline()
            }
            ("GET", "pipelines/pl_1") if world.created => world.pipeline(),
            ("GET", "pipelines/pl_1/jobs") => json!({"data": [world.look()]}),
            ("GET", "pipelines/pl_1/jobs/job_1/checkpoints") => {
                json!({"data": world.checkpoints()})
            }
            ("GET", "pipelines/pl_1/jobs/job_1/errors") => json!({"data": [], "hasMore": false}),
            _ => {
                let body = json!({"error": "Route not found"});
                return Reply::Whole(404, "application/json", body.to_string());
            }
        };
        Reply::Whole(200, "application/json", body.to_string())
    })
}

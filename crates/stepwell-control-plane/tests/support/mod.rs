//! A control plane whose every step is taken by the test.

#![allow(unreachable_pub, reason = "a test file is its own crate")]
#![allow(dead_code, reason = "each test file uses only part of it")]
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde_json::{Value, json};
use stepwell_arroyo::{ErrorDomain, JobId};
use stepwell_control_plane::{
    Command, ControlPlane, Environment as _, Options, Record, WorkerEvent,
    testing::{Failure, TestEnvironment, Workers},
};

pub struct Server {
    pub plane: ControlPlane,
    pub environment: TestEnvironment,
    commands: VecDeque<Command>,
}

impl Server {
    pub fn new(options: Options) -> Self {
        Self {
            plane: ControlPlane::new(options),
            environment: TestEnvironment::new(),
            commands: VecDeque::new(),
        }
    }

    /// The same server, restarted with its stored records.
    pub fn restarted(mut self, options: Options) -> Self {
        let kept: Vec<Record> = self.plane.take_changes().upserts;
        // Records are stored as text, so they make the round trip here.
        let kept = kept
            .iter()
            .map(|record| serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap())
            .collect();
        self.plane = ControlPlane::restore(options, kept);
        self.commands.clear();
        self
    }

    pub fn send(&mut self, method: Method, path: &str, body: &str) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        self.plane.handle(&mut self.environment, &request)
    }

    /// Sends a request that must succeed, and returns its JSON.
    pub fn ask(&mut self, method: Method, path: &str, body: &Value) -> Value {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let reply = self.send(method, path, &text);
        assert!(
            reply.status().is_success(),
            "{path}: {} {:?}",
            reply.status(),
            reply.body()
        );
        serde_json::from_slice(reply.body()).unwrap_or_default()
    }

    pub fn create(&mut self, id: &str) {
        self.ask(
            Method::PUT,
            &format!("/api/v1/pipelines/{id}"),
            &json!({"name": id, "query": "SELECT 1", "parallelism": 1}),
        );
    }

    pub fn patch(&mut self, id: &str, body: &Value) {
        self.ask(Method::PATCH, &format!("/api/v1/pipelines/{id}"), body);
    }

    pub fn job(&mut self, id: &str) -> Value {
        self.ask(
            Method::GET,
            &format!("/api/v1/pipelines/{id}/jobs"),
            &Value::Null,
        )["data"][0]
            .take()
    }

    /// The time, in microseconds of Unix time.
    pub fn now(&self) -> u64 {
        self.environment.now()
    }

    pub fn pass(&mut self, micros: u64) {
        self.environment.advance(Duration::from_micros(micros));
    }

    /// Runs a tick of the controller, half a second later.
    pub fn tick(&mut self) {
        self.pass(500_000);
        let commands = self.plane.tick(&mut self.environment);
        self.commands.extend(commands);
    }

    pub fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    pub fn tell(&mut self, event: WorkerEvent) {
        self.pass(50_000);
        self.plane.notify(&mut self.environment, event);
    }

    /// Carries out the next command without a failure. Returns `false` if there was none.
    pub fn work(&mut self) -> bool {
        let Some(command) = self.next_command() else {
            return false;
        };
        for (_, event) in Workers::new().answer(command) {
            self.tell(event);
        }
        true
    }

    /// Creates a pipeline and lets it reach Running.
    pub fn running(id: &str) -> Self {
        let mut server = Self::new(Options::default());
        server.create(id);
        server.tick();
        server.work();
        assert_eq!(server.job(id)["state"], "Running");
        server
    }

    /// Fails the current run.
    pub fn fail(&mut self, id: &str, retryable: bool) {
        let error = "SQL error: Divide by zero error";
        self.fail_with(id, error, ErrorDomain::User, retryable);
    }

    pub fn fail_with(&mut self, id: &str, error: &str, domain: ErrorDomain, retryable: bool) {
        let (job, run_id) = self.run(id);
        let failure = Failure::new(error)
            .with_domain(domain)
            .with_retryable(retryable);
        self.tell(failure.of_run(job, run_id));
    }

    /// Loses the worker of the current run.
    pub fn lose(&mut self, id: &str) {
        let (job, run_id) = self.run(id);
        self.tell(WorkerEvent::Lost { job, run_id });
    }

    pub fn finish(&mut self, id: &str) {
        let (job, run_id) = self.run(id);
        self.tell(WorkerEvent::Finished { job, run_id });
    }

    pub fn run(&mut self, id: &str) -> (JobId, u64) {
        let job = self.job(id);
        (
            JobId::from_server(job["id"].as_str().unwrap()),
            job["run_id"].as_u64().unwrap(),
        )
    }

    /// What the recorded timelines show of a pipeline, in their notation.
    pub fn line(&mut self, id: &str) -> String {
        let job = self.job(id);
        let pipeline = self.ask(
            Method::GET,
            &format!("/api/v1/pipelines/{id}"),
            &Value::Null,
        );
        let known = |value: &Value| if value.is_null() { "no" } else { "yes" };
        let word = |value: &Value| value.as_str().unwrap_or("None").to_owned();
        let flag = |value: &Value| {
            if value.as_bool().unwrap() {
                "True"
            } else {
                "False"
            }
        };
        format!(
            "state={} running_desired={} run_id={} tasks={} start={} finish={} failure={} stop={} action={} text={} in_progress={}",
            word(&job["state"]),
            flag(&job["running_desired"]),
            job["run_id"],
            job["tasks"],
            known(&job["start_time"]),
            known(&job["finish_time"]),
            known(&job["failure_reason"]),
            word(&pipeline["stop"]),
            word(&pipeline["action"]),
            word(&pipeline["action_text"]),
            flag(&pipeline["action_in_progress"]),
        )
    }
}

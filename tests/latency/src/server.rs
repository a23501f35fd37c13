//! A transport that follows a script.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use stepwell::transport::{Transport, TransportError};
use tokio::time::Instant;

use crate::JobScript;

#[derive(Clone, Debug)]
pub(crate) struct ScriptedServer(Arc<Playing>);

#[derive(Debug)]
struct Playing {
    script: JobScript,
    service: Duration,
    /// When the script began, and the time of each poll since.
    seen: Mutex<(Option<Instant>, Vec<Duration>)>,
}

impl ScriptedServer {
    pub(crate) fn new(script: JobScript, service: Duration) -> Self {
        Self(Arc::new(Playing {
            script,
            service,
            seen: Mutex::default(),
        }))
    }

    /// Starts the script.
    pub(crate) fn begin(&self) {
        *self.0.seen.lock().unwrap() = (Some(Instant::now()), Vec::new());
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.seen.lock().unwrap().0.unwrap().elapsed()
    }

    /// The times of the polls.
    pub(crate) fn polls(&self) -> Vec<Duration> {
        self.0.seen.lock().unwrap().1.clone()
    }

    /// One poll, which returns the state in the middle of it.
    pub(crate) async fn poll(&self) -> (String, u64) {
        let inner = &self.0;
        let began = {
            let (began, polls) = &mut *inner.seen.lock().unwrap();
            if let Some(began) = began {
                polls.push(began.elapsed());
            }
            *began
        };
        tokio::time::sleep(inner.service / 2).await;
        let time = began.map_or(Duration::ZERO, |began| began.elapsed());
        let (state, run) = inner.script.at(time);
        let shown = (state.to_owned(), run);
        tokio::time::sleep(inner.service / 2).await;
        shown
    }

    fn stops(&self) -> bool {
        self.0.script.steps.last().unwrap().1 == "Stopped"
    }

    fn has_begun(&self) -> bool {
        self.0.seen.lock().unwrap().0.is_some()
    }
}

const PIPELINE: &str = r#"{"id":"pl_1","name":"orders","query":"SELECT 1","udfs":[],"checkpoint_interval_micros":10000000,"stop":"none","created_at":1,"action":null,"action_text":"","action_in_progress":false,"graph":{"nodes":[],"edges":[]},"preview":false}"#;

impl Transport for ScriptedServer {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path();
        let body = if path.ends_with("/jobs") {
            let (state, run) = self.poll().await;
            let desired = !(self.stops() && self.has_begun());
            format!(
                r#"{{"data":[{{"id":"job_1","pipeline_id":"pl_1","running_desired":{desired},"state":"{state}","run_id":{run},"start_time":null,"finish_time":null,"tasks":1,"failure_reason":null,"created_at":1}}]}}"#
            )
        } else {
            // Every other request counts too.
            if let (Some(began), polls) = &mut *self.0.seen.lock().unwrap() {
                polls.push(began.elapsed());
            }
            tokio::time::sleep(self.0.service).await;
            if request.method() == Method::PATCH {
                self.begin();
            }
            if path.ends_with("/checkpoints") {
                r#"{"data":[]}"#.to_owned()
            } else {
                PIPELINE.to_owned()
            }
        };
        Ok(Response::new(Bytes::from(body)))
    }
}

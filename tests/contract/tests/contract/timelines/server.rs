//! [`Server`]: a transport that answers with what a timeline shows at the current time of tokio's clock.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use stepwell::{
    PipelineId, StopMode, Transport,
    arroyo::{Job, JobError, Page, Pipeline, PipelineGraph, PipelineNode},
};
use stepwell_transport::{Phase, TransportError, TransportErrorKind};
use tokio::time::Instant;

use super::{
    checkpoints::Lists,
    table::Case,
    track::{Observation, Shown, Speed, Track, shown},
};
use crate::{
    generations::older,
    recording::{RecordedResponse, Release},
    replay::answer,
};

/// How long a request and its reply take in total.
pub const LATENCY: Duration = Duration::from_millis(20);

pub const QUERY: &str = "INSERT INTO sink SELECT counter FROM impulse;";

pub const ID: &str = "pl_1";

#[derive(Clone)]
pub struct Server(Arc<Mutex<State>>);

struct State {
    release: Release,
    checkpoints: Option<Lists>,
    track: Arc<Track>,
    speed: Speed,
    is_down_at_first: bool,
    /// When the request that the timeline is about was made.
    asked: Option<Instant>,
    /// The id that a create returned.
    id: PipelineId,
    /// What `GET …/jobs` has shown since [`Server::forget`], and when.
    shown: Vec<(Instant, Shown)>,
    /// The requests that change something: method and body.
    writes: Vec<(Method, Value)>,
}

impl Server {
    pub fn new(case: &Case, track: &Arc<Track>, speed: Speed) -> Self {
        Self(Arc::new(Mutex::new(State {
            release: case.release,
            checkpoints: Lists::of(case),
            track: Arc::clone(track),
            speed,
            is_down_at_first: case.is_down,
            asked: None,
            id: PipelineId::from_server(ID),
            shown: Vec::new(),
            writes: Vec::new(),
        })))
    }

    /// Marks the request that the timeline is about as made now, unless it already was.
    pub fn ask(&self) {
        self.state().asked.get_or_insert_with(Instant::now);
    }

    pub fn has_been_asked(&self) -> Option<Instant> {
        self.state().asked
    }

    /// Forgets what was shown so far.
    pub fn forget(&self) {
        self.state().shown.clear();
    }

    pub fn shown(&self) -> Vec<(Instant, Shown)> {
        self.state().shown.clone()
    }

    pub fn writes(&self) -> Vec<(Method, Value)> {
        self.state().writes.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Server")
    }
}

impl Transport for Server {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        tokio::time::sleep(LATENCY / 2).await;
        let recorded = self.state().reply(&request);
        tokio::time::sleep(LATENCY / 2).await;
        answer(Some(&recorded?))
    }
}

impl State {
    fn reply(&mut self, request: &Request<Bytes>) -> Result<RecordedResponse, TransportError> {
        let path = request.uri().path().strip_prefix("/api/v1/").unwrap();
        let segments: Vec<_> = path.split('/').collect();
        if *request.method() != Method::GET && segments.last() != Some(&"validate_query") {
            return Ok(self.write(request, &segments));
        }
        let Some(now) = self.now()? else {
            return Ok(match segments.as_slice() {
                ["ping"] => RecordedResponse::of_json(&json!("Pong")),
                [.., "validate_query"] => self.validation(),
                ["pipelines"] => self.list(Vec::new()),
                _ => not_found("Pipeline"),
            });
        };
        Ok(match segments.as_slice() {
            ["ping"] => RecordedResponse::of_json(&json!("Pong")),
            [.., "validate_query"] => self.validation(),
            ["pipelines"] => self.list(vec![self.pipeline(now.told)]),
            ["pipelines", _] => self.json(&json!(self.pipeline(now.told))),
            ["pipelines", _, "jobs"] => {
                self.shown.push((Instant::now(), shown(&now.job)));
                // The recorded pipeline has another id; up to 0.15 a job does not name its pipeline.
                let body = match &now.job.pipeline_id {
                    Some(recorded) => now.body.replace(recorded.as_str(), self.id.as_str()),
                    None => now.body,
                };
                RecordedResponse::new(200, "application/json", body)
            }
            [.., "checkpoints"] => self.checkpoints(&now.job),
            [.., job, "errors"] if is_newest(request) => self.newest_errors(job, &now.job),
            [.., job, "errors"] => errors_of(self.release, job),
            other => panic!("{other:?}"),
        })
    }

    fn write(&mut self, request: &Request<Bytes>, segments: &[&str]) -> RecordedResponse {
        let body = serde_json::from_slice(request.body()).unwrap();
        self.writes.push((request.method().clone(), body));
        if let (&Method::PUT, [_, id]) = (request.method(), segments) {
            if !self.release.has_put() {
                return self.release.response("020_put_is_missing");
            }
            self.id = PipelineId::from_server(*id);
        }
        self.asked.get_or_insert_with(Instant::now);
        self.json(&json!(self.pipeline(StopMode::None)))
    }

    /// The list that was recorded after the end of the timeline, once that end is shown; until then, the one from before it. Without a
    /// recording, the server has no list.
    fn checkpoints(&self, job: &Job) -> RecordedResponse {
        let Some(lists) = &self.checkpoints else {
            return not_found("Job");
        };
        let rows = if self.asked.is_some() && job.state.is_terminal() {
            lists.after(job)
        } else {
            lists.before.clone()
        };
        RecordedResponse::of_json(&json!({ "data": rows }))
    }

    /// What is visible now; `None` before a create.
    fn now(&self) -> Result<Option<Observation>, TransportError> {
        let Some(asked) = self.asked else {
            return Ok(self.track.before.clone());
        };
        if let Some(seen) = self.track.at(asked.elapsed(), self.speed) {
            return Ok(Some(seen.clone()));
        }
        if self.is_down_at_first {
            return Err(TransportError::new(
                TransportErrorKind::Refused,
                Phase::NotSent,
                "the connection was refused",
            ));
        }
        // The state from before stays visible until the first line; a create has none.
        let before = self.track.before.as_ref();
        Ok(before.or(self.track.observations.first()).cloned())
    }

    /// What a job created at the begin of the timeline has logged by now, at the recorded speed.
    fn newest_errors(&self, id: &str, job: &Job) -> RecordedResponse {
        let recorded = errors_of(self.release, id);
        let Some(asked) = self.asked.filter(|_| self.track.before.is_none()) else {
            return recorded;
        };
        // The time of a create is truncated to the second.
        let elapsed = asked.elapsed() + Duration::from_secs(1);
        let elapsed = u64::try_from(elapsed.as_micros()).unwrap();
        let mut page: Page<JobError> = serde_json::from_value(recorded.json()).unwrap();
        page.data
            .retain(|error| error.created_at <= job.created_at + elapsed);
        RecordedResponse::of_json(&json!(page))
    }

    fn pipeline(&self, told: StopMode) -> Pipeline {
        let mut pipeline = Pipeline::new(self.id.clone(), "orders", QUERY, 1);
        pipeline.stop = told;
        pipeline.graph = graph();
        pipeline
    }

    fn validation(&self) -> RecordedResponse {
        self.json(&json!({"graph": graph(), "errors": []}))
    }

    fn list(&self, pipelines: Vec<Pipeline>) -> RecordedResponse {
        self.json(&json!(Page::new(pipelines, false)))
    }

    /// Serializes a value as this release does.
    fn json(&self, value: &Value) -> RecordedResponse {
        match self.release {
            Release::V015 => RecordedResponse::of_json(&older::RECORDED.writes(value)),
            Release::V016 => RecordedResponse::of_json(value),
        }
    }
}

fn not_found(what: &str) -> RecordedResponse {
    let body = json!({ "error": format!("{what} not found") });
    RecordedResponse::new(404, "application/json", body.to_string())
}

/// Whether only a few entries are requested, as for a watched job in trouble.
fn is_newest(request: &Request<Bytes>) -> bool {
    request.uri().query() == Some("limit=10")
}

fn graph() -> PipelineGraph {
    PipelineGraph::new(vec![PipelineNode::new(0, "impulse", "", 1)], Vec::new())
}

/// The recorded log of the job, if there is one.
pub fn errors_of(release: Release, job: &str) -> RecordedResponse {
    let end = format!("/jobs/{job}/errors");
    let recorded = release
        .exchanges()
        .into_iter()
        .rfind(|exchange| exchange.request.path.ends_with(&end))
        .and_then(|exchange| exchange.response);
    recorded.unwrap_or_else(|| RecordedResponse::of_json(&json!({"data": [], "hasMore": false})))
}

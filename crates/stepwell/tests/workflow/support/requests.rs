//! Expectations of the usual requests, and counts of those that were sent.

use serde_json::{Value, json};
use stepwell::transport::{Expectation, FakeTransport, Phase, TransportErrorKind, http::Method};

use super::{QUERY, bodies::*};

pub(crate) const LIST: &str = "/api/v1/pipelines?";

pub(crate) const RESTART: &str = "/api/v1/pipelines/pl_1/restart";

pub(crate) const NEWEST_ERRORS: &str = "/api/v1/pipelines/pl_1/jobs/job_1/errors?limit=10";

pub(crate) const PIPELINES: &str = "/api/v1/pipelines";

/// Shows these jobs, one per request.
#[track_caller]
pub(crate) fn shows(fake: &FakeTransport, jobs: &[Value]) {
    for job in jobs {
        fake.jobs("pl_1", job.clone());
    }
}

/// Shows this job again and again, until the expectation says otherwise.
#[track_caller]
pub(crate) fn shows_always<'a>(fake: &'a FakeTransport, job: &Value) -> Expectation<'a> {
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": [job]}))
        .always()
}

pub(crate) fn path(id: impl AsRef<str>) -> String {
    format!("/api/v1/pipelines/{}", id.as_ref())
}

pub(crate) fn jobs_path(id: impl AsRef<str>) -> String {
    format!("/api/v1/pipelines/{}/jobs", id.as_ref())
}

/// Expectations of the usual requests.
pub(crate) trait Script {
    fn ping(&self);
    fn validation(&self);
    fn list(&self, pipelines: &[Value]);
    fn jobs(&self, id: impl AsRef<str>, job: Value);
    fn checkpoints(&self, checkpoints: &[Value]);
    fn newest_errors(&self, errors: &[Value]);
    fn patch(&self, id: &str, body: Value) -> Expectation<'_>;
    fn not_there(&self, id: impl AsRef<str>) -> Expectation<'_>;
    fn unknown(&self, id: &str);
}

impl Script for FakeTransport {
    #[track_caller]
    fn ping(&self) {
        self.expect(Method::GET, "/api/v1/ping")
            .reply_json(200, "Pong");
    }

    #[track_caller]
    fn validation(&self) {
        self.expect(Method::POST, "/api/v1/pipelines/validate_query")
            .reply_json(200, &json!({"graph": graph(1), "errors": []}));
    }

    #[track_caller]
    fn list(&self, pipelines: &[Value]) {
        self.expect(Method::GET, LIST)
            .reply_json(200, &json!({"data": pipelines, "hasMore": false}));
    }

    #[track_caller]
    fn jobs(&self, id: impl AsRef<str>, job: Value) {
        let job = job.with("pipeline_id", json!(id.as_ref()));
        self.expect(Method::GET, jobs_path(id))
            .reply_json(200, &json!({"data": [job]}));
    }

    #[track_caller]
    fn checkpoints(&self, checkpoints: &[Value]) {
        self.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/checkpoints")
            .reply_json(200, &json!({"data": checkpoints}));
    }

    /// Serves the newest log entries of a job in trouble, newest first.
    #[track_caller]
    fn newest_errors(&self, errors: &[Value]) {
        self.expect(Method::GET, NEWEST_ERRORS)
            .reply_json(200, &json!({"data": errors, "hasMore": false}));
    }

    /// Accepts this `PATCH`.
    #[track_caller]
    fn patch(&self, id: &str, body: Value) -> Expectation<'_> {
        self.expect(Method::PATCH, path(id))
            .with_json(body)
            .reply_json(200, &pipeline(id, QUERY))
    }

    /// Answers a `GET` of the pipeline with 404.
    #[track_caller]
    fn not_there(&self, id: impl AsRef<str>) -> Expectation<'_> {
        self.expect(Method::GET, path(id))
            .reply_json(404, &json!({"error": "Pipeline not found"}))
    }

    /// Answers every look-up of the job and every `PATCH` with 404.
    #[track_caller]
    fn unknown(&self, id: &str) {
        for (method, path) in [(Method::GET, jobs_path(id)), (Method::PATCH, path(id))] {
            self.expect(method, path)
                .reply_json(404, &json!({"error": "Pipeline not found"}))
                .always();
        }
    }
}

/// Ways in which no answer arrives.
pub(crate) trait Lost {
    /// The request may have taken effect, and the connection broke before the reply.
    fn lost(self) -> Self;
    fn refused(self) -> Self;
}

impl Lost for Expectation<'_> {
    fn lost(self) -> Self {
        self.fail(TransportErrorKind::Closed, Phase::MaybeSent)
    }

    fn refused(self) -> Self {
        self.fail(TransportErrorKind::Refused, Phase::NotSent)
    }
}

/// How many requests with this method have a path that `fits`.
pub(crate) fn count(fake: &FakeTransport, method: &Method, fits: impl Fn(&str) -> bool) -> usize {
    fake.requests()
        .iter()
        .filter(|request| request.method == *method && fits(&request.path))
        .count()
}

/// How many creates were requested, by either method.
pub(crate) fn creates(fake: &FakeTransport) -> usize {
    count(fake, &Method::PUT, |_| true) + count(fake, &Method::POST, |path| path == PIPELINES)
}

/// Expects one stop of the pipeline, which stops with a final checkpoint.
pub(crate) fn expect_stop(fake: &FakeTransport, id: &str) {
    fake.jobs(id, job("Scheduling"));
    fake.expect(Method::GET, format!("{}/job_1/checkpoints", jobs_path(id)))
        .reply_json(200, &json!({"data": []}));
    fake.patch(id, json!({"stop": "checkpoint"}));
    fake.jobs(id, undesired("Stopping"));
    fake.jobs(id, undesired("Stopped"));
    fake.expect(Method::GET, format!("{}/job_1/checkpoints", jobs_path(id)))
        .reply_json(200, &json!({"data": [checkpoint(1, "stopping", true)]}));
}

pub(crate) fn deletes(fake: &FakeTransport) -> usize {
    count(fake, &Method::DELETE, |_| true)
}

/// The server knows neither the pipeline nor its job.
pub(crate) fn is_gone(fake: &FakeTransport) {
    let _ = fake
        .expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
}

//! SQL, code and environment may contain passwords, which must never be logged.
//!
//! This file has one test, because it needs its own process: `tracing` caches for each callsite whether a subscriber is interested, and
//! with a single subscriber it asks the thread that reaches the callsite first. Another test in the process could disable the callsite.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
};

use serde_json::json;
use stepwell::transport::{FakeTransport, http::Method};

use secret_spec::*;
use support::*;

#[path = "workflow/secret_spec.rs"]
mod secret_spec;

#[allow(dead_code, reason = "most of it is used by the tests of `workflow`")]
#[path = "workflow/support/mod.rs"]
mod support;

/// Keeps everything that is logged, of every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl tracing::field::Visit for Line<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut log = self.0.lock().unwrap();
        log.push_str(span.metadata().name());
        span.record(&mut Line(&mut log));
        log.push('\n');
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut log = self.0.lock().unwrap();
        event.record(&mut Line(&mut log));
        log.push('\n');
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_logged_shows_a_secret() {
    let log = Log::default();
    #[allow(
        clippy::disallowed_methods,
        reason = "no other test is in this process"
    )]
    let _scope = tracing::subscriber::set_default(log.clone());
    let echo = json!({"query": secret_query()}).to_string();
    let fake = FakeTransport::new();
    fake.ping();
    let connected = submission(fake.clone(), builder().build().unwrap())
        .connect()
        .await
        .unwrap();
    fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
        .reply_text(500, "application/json", echo.clone());
    fake.validation();
    let validated = connected.validate().await.unwrap();
    fake.list(&[]);
    fake.expect(Method::PUT, path("orders-1"))
        .reply_text(502, "application/json", echo.clone());
    fake.not_there("orders-1");
    fake.expect(Method::PUT, path("orders-1"))
        .reply_json(200, &secret_pipeline());
    let registered = validated.resolve().await.unwrap().register();
    fake.expect(Method::GET, jobs_path("orders-1"))
        .reply_text(200, "application/json", echo);
    fake.jobs(
        "orders-1",
        job("Running").with("env_vars", json!({"KEY": SECRET})),
    );
    let running = registered.wait_until_running().await.unwrap();
    fake.jobs("orders-1", undesired("Stopped"));
    fake.expect(
        Method::GET,
        format!("{}/job_1/checkpoints", jobs_path("orders-1")),
    )
    .reply_json(200, &json!({"data": []}));
    let _ = running.stop().await.unwrap();
    let log = log.0.lock().unwrap();
    shows_no_secret(&log);
    for words in ["wait until running", "trying again", "orders-1", "502"] {
        assert!(log.contains(words), "{log}");
    }
}

//! The query, code, environment and bodies are in no log and in no error.
//!
//! A single test in its own process: `tracing` caches for each call site whether a subscriber is interested, and with a single subscriber it
//! asks on the first thread that gets there. Another test could disable the logs of this one.

#![allow(clippy::unwrap_used, reason = "it is a test")]

use std::{
    fmt::{self, Write},
    sync::{Arc, Mutex},
};

use http::Method;
use stepwell_arroyo::{Client, ClientError};
use stepwell_transport::{FakeTransport, Phase, SharedTransport, TransportErrorKind};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use secret::{SECRET, create, pipeline};

#[path = "support/secret.rs"]
mod secret;

/// Captures everything at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for &Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn chain(error: &ClientError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        write!(text, " {error} {error:?}").unwrap();
        source = error.source();
    }
    text
}

#[tokio::test]
async fn neither_logs_nor_errors_show_the_query() {
    let log = Log::default();
    #[allow(
        clippy::disallowed_methods,
        reason = "no other test is in this process"
    )]
    let logging = tracing::subscriber::set_default(log.clone());
    let shown = serde_json::to_string(&pipeline()).unwrap();
    let fake = FakeTransport::new();
    let path = "/api/v1/pipelines";
    let post = || fake.expect(Method::POST, path);
    post().reply_json(200, &pipeline());
    post().reply_text(500, "text/plain", "boom");
    post().reply_text(500, "application/json", shown.clone());
    post().reply_text(200, "application/json", &shown[..shown.len() - 9]);
    post().reply_text(200, "text/plain", shown.replace("\"stop\"", "\"halt\""));
    post().reply_text(200, "text/html", "<html>");
    post().reply(200, "");
    post().fail(TransportErrorKind::TimedOut, Phase::MaybeSent);
    let client = Client::new(SharedTransport::new(fake.clone()));

    client.create(&create()).await.unwrap();
    let mut errors = 0;
    while fake.requests().len() < 8 {
        let text = chain(&client.create(&create()).await.unwrap_err());
        assert!(!text.contains(SECRET), "{text}");
        errors += 1;
    }
    assert_eq!(errors, 7);
    fake.finish();
    drop(logging);

    let log = log.0.lock().unwrap().clone();
    assert!(!log.contains(SECRET), "{log}");
    // The names are those of OpenTelemetry.
    for line in [
        "http.request.method=POST",
        "url.path=\"/api/v1/pipelines\"",
        "server.address=\"fake.test\"",
        "server.port=5115",
        "http.response.status_code=200",
        "http.response.status_code=500",
        "error.type=\"500\"",
        "error.type=TimedOut",
    ] {
        assert!(
            log.lines().any(|logged| logged == line),
            "{line} is not in\n{log}"
        );
    }
}

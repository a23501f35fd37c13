//! The query, code, environment and bodies are in no log, no error, and no `Debug`.

#![allow(clippy::unwrap_used, reason = "it is a test")]

use std::{
    fmt::{self, Write},
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use http::Method;
use serde_json::json;
use stepwell_arroyo::{Client, ClientError, CreatePipeline, Job, Page, Pipeline, PipelineId, Udf};
use stepwell_transport::{FakeTransport, Phase, SharedTransport, TransportErrorKind};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

const SECRET: &str = "hunter2";

fn create() -> CreatePipeline {
    let query = format!("CREATE TABLE t WITH ('password' = '{SECRET}')");
    CreatePipeline::new("orders", query, NonZeroU32::MIN)
        .udfs(vec![Udf::python(SECRET)])
        .env_vars([("KEY".to_owned(), SECRET.to_owned())].into())
        .scheduler_config(json!({"env": SECRET}))
}

fn pipeline() -> Pipeline {
    let mut pipeline = Pipeline::new(PipelineId::from_server("pl_1"), "orders", SECRET, 1);
    pipeline.udfs = vec![Udf::rust(SECRET)];
    pipeline
}

#[test]
fn debug_shows_no_secret_and_still_something() {
    let job = json!({"id": "job_1", "running_desired": true, "state": "Running", "created_at": 1,
        "env_vars": {"KEY": SECRET}, "scheduler_config": {"env": SECRET}});
    let job: Job = serde_json::from_value(job).unwrap();
    assert_eq!(job.env_vars["KEY"], SECRET);
    for (text, part) in [
        (format!("{:?}", create()), "orders"),
        (format!("{:#?}", pipeline()), "pl_1"),
        (
            format!("{:?}", Page::new(vec![pipeline()], false)),
            "has_more",
        ),
        (format!("{:?}", Udf::rust(SECRET)), "rust"),
        (format!("{job:?}"), "Running"),
    ] {
        assert!(!text.to_lowercase().contains(SECRET), "{text}");
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{text}");
    }
}

/// Writes down all that is recorded, at every level.
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

/// With a line feed, with two blanks, and of more than 100 characters, each as servers quote it: as it is, as `Debug` writes it, with its
/// white space collapsed, or cut.
#[tokio::test]
async fn no_diagnostic_shows_a_secret_however_it_is_written() {
    let pem = format!("-----BEGIN KEY-----\n{}", "MIIEowIBAA\n".repeat(30));
    for secret in [
        "first verse\nsecond verse",
        "correct  horse",
        "ends in [\"a list\"]",
        &format!("eyJ{}", "abcdefghij".repeat(30)),
        &pem,
    ] {
        let query = format!("CREATE TABLE t WITH (private_key '{secret}')");
        let found = format!("Expected: =, found: '{secret}' at Line: 1, Column: 34");
        let on_one_line = found.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut words = vec![
            found.clone(),
            format!("SQL error: ParserError({found:?})"),
            format!("{on_one_line}\ncaused by\nparser"),
            on_one_line,
        ];
        if secret.len() > 100 {
            let cut: String = secret.chars().take(100).collect();
            for end in ["…", "...", "…'", "'"] {
                words.push(format!("Expected: =, found: '{cut}{end}"));
                let cut = cut.split_whitespace().collect::<Vec<_>>().join(" ");
                words.push(format!("Expected: =, found: '{cut}{end}"));
            }
        }
        for words in words {
            for error in [json!(words), json!({"message": words})] {
                let fake = FakeTransport::new();
                fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
                    .reply_json(200, &json!({"graph": null, "errors": [error]}));
                let client = Client::new(SharedTransport::new(fake));
                let error = client.validate(&query, &[]).await.unwrap().errors.remove(0);
                for shown in [
                    error.message.as_str(),
                    error.server_words(),
                    &json!(error).to_string(),
                    &format!("{error:?}"),
                ] {
                    for part in ["verse", "horse", "ends in", "list", "eyJ", "MII"] {
                        assert!(!shown.contains(part), "{shown}");
                    }
                    assert!(shown.contains("found: '***"), "{shown}");
                }
                if words.contains("Column: 34") && !words.contains("caused by") {
                    let span = error.span.unwrap();
                    assert_eq!((span.start.line, span.start.column), (1, 34));
                }
            }
        }
    }
}

//! The properties of an error that a program can query.

use serde_json::json;
use stepwell::{
    Error,
    error::Chain,
    transport::{
        FakeTransport, Phase,
        http::{HeaderValue, Method, header::RETRY_AFTER},
    },
};

use crate::support::*;

fn says(error: &Error) -> (&'static str, Phase, bool, Option<&str>, Option<u64>) {
    (
        error.code(),
        error.phase(),
        error.is_retryable(),
        error.pipeline_id().map(stepwell::PipelineId::as_str),
        error.retry_after().map(|asked| asked.as_secs()),
    )
}

#[tokio::test(start_paused = true)]
async fn each_step_tells_a_program_what_happened() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/ping")
        .reply(503, "")
        .header(RETRY_AFTER, HeaderValue::from(7))
        .always();
    let error = submission(fake, spec()).connect().await.unwrap_err();
    assert_eq!(
        says(error.error()),
        ("connect.not_up", Phase::NotSent, true, None, Some(7))
    );

    let fake = FakeTransport::new();
    let connected = connected(&fake, spec()).await;
    fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
        .reply_json(200, &json!({"graph": null, "errors": [{"message": "no"}]}));
    let error = connected.validate().await.unwrap_err();
    assert_eq!(
        says(error.error()),
        ("validate.invalid", Phase::Responded, false, None, None)
    );

    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost().always();
    fake.not_there(spec_id()).always();
    let error = validated.resolve().await.unwrap_err();
    let id = spec_id();
    assert_eq!(
        says(error.error()),
        (
            "resolve.outcome_unknown",
            Phase::MaybeSent,
            true,
            Some(id.as_str()),
            None
        )
    );
    let chain = Chain(error.error()).to_string();
    assert!(
        chain.starts_with("it is unknown whether pipeline")
            && chain.contains("the fake fails here"),
        "{chain}"
    );

    let fake = FakeTransport::new();
    let stopping = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(400, &json!({"error": "unknown stop mode"}));
    let error = stopping.stop().await.unwrap_err();
    assert_eq!(
        says(error.error()),
        ("stop.rejected", Phase::Responded, false, Some("pl_1"), None)
    );

    let fake = FakeTransport::new();
    let looking = running(&fake, options()).await;
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    let error = looking.status().await.unwrap_err();
    assert_eq!(says(&error), ("look", Phase::Responded, false, None, None));
    looking.shutdown().begin();
    let error = looking.ended().await.unwrap_err();
    assert_eq!(
        says(&error),
        ("shutdown_begun", Phase::MaybeSent, false, None, None)
    );
}

use serde_json::json;
use stepwell::{
    Error, Submission, TransitionError,
    arroyo::Udf,
    error::ValidateError,
    state::{Connected, Validated},
    transport::{FakeTransport, Phase, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

pub(crate) const VALIDATE: &str = "/api/v1/pipelines/validate_query";

fn validate_error(
    outcome: Result<Submission<Validated>, TransitionError<Connected>>,
) -> (ValidateError, Submission<Connected>) {
    let (error, submission) = outcome.unwrap_err().into_parts();
    match error {
        Error::Validate { source } => (source, submission),
        other => panic!("not an error of validating: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_valid_query_gives_its_plan_and_an_unset_field_is_left_out() {
    let fake = FakeTransport::new();
    let connected = connected(&fake, spec()).await;
    fake.expect(Method::POST, VALIDATE)
        .with_json(json!({"query": QUERY}))
        .reply_json(200, &json!({"graph": graph(2), "errors": null}));
    let validated = connected.validate().await.unwrap();
    assert_eq!(validated.graph().parallelism(), Some(2));
    assert!(!validated.has_create_in_doubt());
}

#[tokio::test(start_paused = true)]
async fn functions_are_sent_along() {
    let fake = FakeTransport::new();
    let spec = stepwell::PipelineSpec::builder(QUERY)
        .udf(Udf::rust("fn double() {}"))
        .build()
        .unwrap();
    let connected = connected(&fake, spec).await;
    fake.expect(Method::POST, VALIDATE)
        .with_json(
            json!({"query": QUERY, "udfs": [{"definition": "fn double() {}", "language": "rust"}]}),
        )
        .reply_json(200, &json!({"graph": graph(1), "errors": []}));
    let _ = connected.validate().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn diagnostics_of_old_and_new_servers_are_shown_each_with_its_place() {
    let span = json!({"start": {"line": 2, "column": 15}, "end": {"line": 2, "column": 20}});
    for (errors, words) in [
        (
            json!(["table 'nope1' not found", "table 'nope2' not found"]),
            "table 'nope1' not found; table 'nope2' not found",
        ),
        (
            json!([{"message": "table 'nope1' not found", "span": span}, {"message": "no place"}]),
            "table 'nope1' not found (line 2, column 15); no place",
        ),
    ] {
        let fake = FakeTransport::new();
        let connected = connected(&fake, spec()).await;
        fake.expect(Method::POST, VALIDATE)
            .reply_json(200, &json!({"graph": null, "errors": errors}));
        let (error, connected) = validate_error(connected.validate().await);
        let ValidateError::Invalid { diagnostics, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(diagnostics.len(), 2);
        assert_eq!(
            error.to_string(),
            format!("the query of pipeline \"orders\" is not valid: {words}")
        );
        assert!(!Error::from(error).is_retryable());
        fake.validation();
        let _ = connected.validate().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn errors_beside_a_plan_are_errors_and_no_plan_is_no_success() {
    for body in [
        json!({"graph": graph(1), "errors": ["and yet"]}),
        json!({"graph": null, "errors": []}),
    ] {
        let fake = FakeTransport::new();
        let connected = connected(&fake, spec()).await;
        fake.expect(Method::POST, VALIDATE).reply_json(200, &body);
        let (error, _) = validate_error(connected.validate().await);
        assert!(matches!(error, ValidateError::Invalid { .. }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_it_at_once_with_the_words_of_the_server() {
    for (status, body, words) in [
        (
            422,
            "Failed to deserialize the JSON body: missing field `query`",
            "missing field `query`",
        ),
        (
            400,
            r#"{"error":"could not compile the UDF: expected `;`"}"#,
            "could not compile the UDF",
        ),
    ] {
        let fake = FakeTransport::new();
        let connected = connected(&fake, spec()).await;
        fake.expect(Method::POST, VALIDATE).reply(status, body);
        let (error, _) = validate_error(connected.validate().await);
        assert!(matches!(error, ValidateError::Rejected { .. }), "{error:?}");
        let text = chain(&error);
        assert!(text.contains(words), "{text}");
        assert!(text.contains(&status.to_string()), "{text}");
        assert_eq!(Error::from(error).phase(), Phase::Responded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_gives_up_and_a_lost_reply_are_tried_again() {
    let fake = FakeTransport::new();
    let connected = connected(&fake, spec()).await;
    fake.expect(Method::POST, VALIDATE)
        .reply_text(502, "text/html", "<html>nginx</html>");
    fake.expect(Method::POST, VALIDATE).lost();
    fake.expect(Method::POST, VALIDATE).reply(200, "");
    fake.validation();
    let _ = connected.validate().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_it_and_another_try_works() {
    let fake = FakeTransport::any_order();
    let connected = connected(&fake, spec()).await;
    fake.expect(Method::POST, VALIDATE).hang().times(3);
    let started = Instant::now();
    let (error, connected) = validate_error(connected.validate().await);
    let elapsed = started.elapsed();
    assert!(elapsed >= seconds(5) && elapsed < seconds(6), "{elapsed:?}");
    assert!(
        matches!(error, ValidateError::Unanswered { .. }),
        "{error:?}"
    );
    let error = Error::from(error);
    assert!(error.is_retryable());
    assert_eq!(error.phase(), Phase::MaybeSent);
    fake.validation();
    let _ = connected.validate().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_it() {
    let fake = FakeTransport::new();
    let connected = connected(&fake, spec()).await;
    connected.shutdown().begin();
    let failure = connected.validate().await.unwrap_err();
    assert!(matches!(failure.error(), Error::ShutdownBegun));
}

//! SQL, code and environment may contain passwords, which must never be shown. `tests/logs.rs` covers what is logged.

use std::sync::{Arc, Mutex};

use serde_json::json;
use stepwell::{
    Error, StopPolicy,
    error::ResolveError,
    observe::Event,
    spec::Identity,
    transport::{FakeTransport, http::Method},
};

use crate::{secret_spec::*, support::*};

#[track_caller]
fn error_shows_no_secret(error: &(dyn std::error::Error + 'static)) {
    shows_no_secret(&chain(error));
    shows_no_secret(&format!("{error:?}"));
    shows_no_secret(&format!("{error:#?}"));
}

#[tokio::test(start_paused = true)]
async fn no_state_of_a_submission_shows_a_secret_and_no_event_tells_one() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let options = options().with_observer(move |event: &Event| {
        telling.lock().unwrap().push(format!("{event:?}"));
    });
    let fake = FakeTransport::new();
    let spec = builder().build().unwrap();
    shows_no_secret(&format!("{spec:?} {:?} {:?}", builder(), options));
    let unconnected = submission_with(fake.clone(), spec, options);
    shows_no_secret(&format!("{unconnected:?}"));
    fake.ping();
    let connected = unconnected.connect().await.unwrap();
    shows_no_secret(&format!("{connected:?}"));
    fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
        .lost();
    fake.validation();
    let validated = connected.validate().await.unwrap();
    shows_no_secret(&format!("{validated:?} {:?}", validated.graph()));
    fake.list(&[]);
    shows_no_secret(&format!("{:?}", validated.plan().await.unwrap()));
    fake.list(&[]);
    fake.expect(Method::PUT, path("orders-1")).lost();
    fake.not_there("orders-1");
    fake.expect(Method::PUT, path("orders-1"))
        .reply_json(200, &secret_pipeline().with("tags", json!({"a": SECRET})));
    let resolution = validated.resolve().await.unwrap();
    shows_no_secret(&format!("{resolution:?} {:?}", resolution.differences()));
    let registered = resolution.register();
    let environment = job("Running")
        .with("env_vars", json!({"KEY": SECRET}))
        .with("scheduler_config", json!({"key": SECRET}));
    fake.jobs("orders-1", environment.clone());
    let running = registered.wait_until_running().await.unwrap();
    shows_no_secret(&format!(
        "{running:?} {:?} {:?}",
        running.job(),
        running.shutdown()
    ));
    fake.expect(Method::GET, path("orders-1"))
        .reply_json(200, &secret_pipeline());
    fake.jobs("orders-1", environment);
    shows_no_secret(&format!("{:?}", running.status().await.unwrap()));
    let told = told.lock().unwrap().join("\n");
    shows_no_secret(&told);
    assert!(
        told.contains("Retrying") && told.contains("the fake fails here"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_error_of_validating_shows_a_secret() {
    for (status, body) in [
        (400, json!({"query": secret_query()}).to_string()),
        (500, json!({"query": secret_query()}).to_string()),
        (200, format!("{{\"graph\": \"{SECRET}\"}}")),
        (200, format!("{{\"graph\": {{\"query\": \"{SECRET}\"")),
        (200, String::new()),
    ] {
        let fake = FakeTransport::new();
        let connected = connected(&fake, builder().build().unwrap()).await;
        fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
            .reply_text(status, "application/json", body)
            .always();
        let failure = connected.validate().await.unwrap_err();
        shows_no_secret(&format!("{failure:?} {failure}"));
        error_shows_no_secret(failure.error());
    }
}

#[tokio::test(start_paused = true)]
async fn no_error_of_resolving_shows_a_secret() {
    let echo = json!({"query": secret_query()}).to_string();
    for (status, body) in [
        (422, echo.clone()),
        (500, echo.clone()),
        (400, echo.clone()),
        (200, echo),
    ] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, builder().build().unwrap()).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path("orders-1"))
            .reply_text(status, "application/json", body)
            .always();
        fake.not_there("orders-1").always();
        let failure = validated.resolve().await.unwrap_err();
        shows_no_secret(&format!("{failure:?} {failure}"));
        error_shows_no_secret(failure.error());
        // A second `resolve` looks for the create first, and fails with another error.
        let validated = failure.into_submission();
        if validated.has_create_in_doubt() {
            let again = validated.resolve().await.unwrap_err();
            error_shows_no_secret(again.error());
        }
    }

    let others = [
        secret_pipeline().with("id", json!("pl_1")),
        secret_pipeline().with("id", json!("pl_2")),
    ];
    let assigned = || builder().identity(Identity::ServerAssigned);
    let creates_only = assigned().intent(stepwell::spec::Intent::CreateOnly);
    for (spec, states, lists) in [
        (assigned(), ["Running", "Running"], 1),
        (assigned(), ["Finished", "Finished"], 1),
        (creates_only, ["Running", "Stopped"], 1),
        // Two may be the one, if the server has chosen its id.
        (builder(), ["Running", "Running"], 2),
    ] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec.build().unwrap()).await;
        for _ in 0..lists {
            fake.list(&others);
        }
        fake.jobs("pl_1", job(states[0]));
        fake.jobs("pl_2", job(states[1]));
        let (error, _) = resolve_error(validated.resolve().await);
        error_shows_no_secret(&error);
    }

    // The server accepts ids, so that neither is.
    let fake = FakeTransport::new();
    let validated = validated(&fake, builder().build().unwrap()).await;
    let [first, second] = others;
    fake.list(&[first, second, pipeline("sw_other", "SELECT 2")]);
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OtherPipelines { near: Some(_), .. }),
        "{error:?}"
    );
    error_shows_no_secret(&error);
}

#[tokio::test(start_paused = true)]
async fn no_report_of_a_shutdown_shows_a_secret() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, builder().build().unwrap()).await;
    let shutdown = validated.shutdown().clone();
    fake.list(&[]);
    fake.expect(Method::PUT, path("orders-1")).lost().always();
    fake.not_there("orders-1").always();
    let failure = validated.resolve().await.unwrap_err();
    assert!(matches!(failure.error(), Error::Resolve { .. }));
    shows_no_secret(&format!("{shutdown:?}"));
    let error = shutdown.stop_all(StopPolicy::default()).await.unwrap_err();
    error_shows_no_secret(&error);
    assert!(error.to_string().contains("has not shown up"), "{error}");
}

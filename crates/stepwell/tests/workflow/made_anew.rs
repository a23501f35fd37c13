//! A pipeline that was deleted and made anew under its id.

use serde_json::json;
use stepwell::{
    OnShutdown, Shutdown, StopPolicy,
    error::ResolveError,
    shutdown::ShutdownEnd,
    state::Plan,
    transport::{FakeTransport, http::Method},
};

use crate::support::*;

/// The restart of the first one is in doubt when it is deleted.
#[tokio::test(start_paused = true)]
async fn what_was_started_of_the_one_before_was_not_of_the_one_made_anew() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options().with_on_shutdown(OnShutdown::StopIfStartedHere);
    let validated = validated_with(fake.clone(), &fake, spec(), options.under(&shutdown)).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Failed"));
    fake.expect(Method::POST, RESTART).lost();
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Vanished { .. }), "{error:?}");
    let anew = job("Running").with("id", json!("job_2"));
    for _ in 0..2 {
        fake.list(&[pipeline("pl_1", QUERY)]);
        fake.jobs("pl_1", anew.clone());
    }
    let _resumed = resumed(validated.resolve().await.unwrap());
    let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::Left),
        "{report}"
    );
}

/// What was read of a pipeline whose job turns out to be another one may be that of the one before.
#[tokio::test(start_paused = true)]
async fn a_pipeline_whose_job_is_another_one_than_a_plan_has_seen_is_read_again() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, chosen("pl_1"), "none", job("Stopped")).await;
    let plan = validated.plan().await.unwrap();
    assert!(matches!(plan, Plan::Resume { .. }), "{plan:?}");
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Created").with("id", json!("job_2")));
    fake.list(&[pipeline("pl_1", "INSERT INTO sink SELECT 1;")]);
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Conflict { .. }), "{error:?}");
}

/// It was there, and deleted, before the submission made it itself.
#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_is_not_taken_for_deleted_because_another_job_was_seen_under_its_id() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let setup = options().under(&shutdown);
    let validated = validated_with(fake.clone(), &fake, chosen("pl_1"), setup).await;
    fake.list(&[pipeline("pl_1", QUERY).with("stop", json!("checkpoint"))]);
    fake.jobs("pl_1", undesired("Stopped").with("id", json!("job_0")));
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Vanished { .. }), "{error:?}");
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .delay(seconds(1))
        .lost();
    let resolving = tokio::time::timeout(millis(500), validated.resolve());
    assert!(resolving.await.is_err());
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

//! Replies that describe another pipeline than the one that was asked for: they leave the outcome in doubt, and no stranger is taken over.

use serde_json::{Value, json};
use stepwell::{
    JobState, Shutdown,
    error::{ResolveError, WaitError},
    spec::Identity,
    transport::{FakeTransport, http::Method},
};

use crate::{create_post::server_assigned, support::*};

/// What a create is answered with if another pipeline is described in its place.
fn strangers(id: &str) -> Vec<Value> {
    vec![
        pipeline(id, "SELECT 2"),
        pipeline(id, QUERY).with("name", json!("theirs")),
        pipeline("", QUERY),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_put_that_is_answered_with_another_pipeline_is_looked_for_under_its_own_id() {
    let mut echoes = strangers(&spec_id());
    echoes.push(pipeline("pl_other", QUERY));
    for echo in echoes {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path(spec_id()))
            .reply_json(200, &echo);
        fake.expect(Method::GET, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
        fake.jobs(spec_id(), job("Created"));
        let resumed = resumed(validated.resolve().await.unwrap());
        assert_eq!(resumed.id().as_str(), spec_id());
        assert!(resumed.found_again());
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_answered_with_another_pipeline_is_looked_for_in_the_list() {
    for echo in strangers("pl_1") {
        let fake = FakeTransport::new();
        let validated = validated(&fake, server_assigned()).await;
        fake.list(&[]);
        fake.expect(Method::POST, PIPELINES).reply_json(200, &echo);
        fake.list(&[pipeline("pl_2", QUERY)]);
        fake.jobs("pl_2", job("Created"));
        let resumed = resumed(validated.resolve().await.unwrap());
        assert_eq!(resumed.id().as_str(), "pl_2");
        assert!(resumed.found_again());
    }
}

/// Ctrl-C must not stop the stranger.
#[tokio::test(start_paused = true)]
async fn a_shutdown_stops_what_was_asked_for_and_not_what_was_answered() {
    let fake = FakeTransport::any_order();
    let shutdown = Shutdown::new();
    let validated = validated_with(fake.clone(), &fake, spec(), options().under(&shutdown)).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline("pl_other", QUERY))
        .always();
    fake.not_there(spec_id()).always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    assert!(
        chain(&error).contains("another pipeline"),
        "{}",
        chain(&error)
    );
    assert!(validated.has_create_in_doubt());
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert_eq!(error.report.entries[0].id, Some(id(&spec_id())));
    assert_eq!(
        count(&fake, &Method::PATCH, |_| true) + count(&fake, &Method::DELETE, |_| true),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_is_answered_with_another_pipeline_is_sent_again() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "checkpoint", undesired("Stopped")).await;
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(200, &pipeline("pl_other", QUERY));
    fake.patch("pl_1", json!({"stop": "none"}));
    let _ = resumed(validated.resolve().await.unwrap());
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn the_job_of_another_pipeline_does_not_count() {
    let foreign = |state| job(state).with("pipeline_id", json!("pl_other"));
    let fake = FakeTransport::new();
    let waiting = registered(&fake, options()).await;
    for job in [
        foreign("Running"),
        job("Scheduling"),
        foreign("Failed"),
        job("Running"),
    ] {
        fake.expect(Method::GET, jobs_path(waiting.id().as_str()))
            .reply_json(200, &json!({"data": [job]}));
    }
    let running = waiting.wait_until_running().await.unwrap();
    assert_eq!(running.job().state, JobState::Running);
    fake.finish();

    let fake = FakeTransport::new();
    let waiting = registered(&fake, options()).await;
    fake.expect(Method::GET, jobs_path(waiting.id().as_str()))
        .reply_json(200, &json!({"data": [foreign("Running")]}))
        .always();
    let (error, _) = wait_error(waiting.wait_until_running().await);
    assert!(matches!(error, WaitError::Deadline { .. }), "{error:?}");
}

/// A server that keeps answering for another pipeline is not told as one that refuses.
#[tokio::test(start_paused = true)]
async fn a_look_by_id_that_shows_another_id_creates_nothing() {
    let fake = FakeTransport::new();
    let spec = crate::by_id::forced().identity(Identity::Given(id("mine")));
    let validated = validated(&fake, spec.build().unwrap()).await;
    fake.expect(Method::GET, path("mine"))
        .reply_json(200, &pipeline("pl_other", QUERY))
        .always();
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::Unanswered { .. }),
        "{error:?}"
    );
    assert_eq!(creates(&fake), 0);
}

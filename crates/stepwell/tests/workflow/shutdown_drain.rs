//! Leaving everything running.

use serde_json::json;
use stepwell::{
    Error, OnShutdown, Shutdown, StopPolicy,
    shutdown::{ShutdownEnd, Unsettled},
    state::AnySubmission,
    transport::{FakeTransport, http::Method},
};

use crate::{
    shutdown_create::{about_to_create, server_assigned},
    support::*,
};

#[tokio::test(start_paused = true)]
async fn what_runs_is_left_whatever_its_submission_asked_for() {
    for on_shutdown in [
        OnShutdown::Stop,
        OnShutdown::StopIfStartedHere,
        OnShutdown::Leave,
    ] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let options = options().with_on_shutdown(on_shutdown);
        let running = running(&fake, options.under(&shutdown)).await;
        let before = fake.requests().len();
        let report = shutdown.drain(seconds(30)).await.unwrap();
        let entry = only_entry(&report);
        assert!(matches!(entry.end, ShutdownEnd::Left), "{report}");
        assert_eq!(entry.id, Some(id("pl_1")));
        assert!(matches!(running.ended().await, Err(Error::ShutdownBegun)));

        // It was reported, and is no longer tracked.
        let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
        assert!(report.entries.is_empty(), "{report}");
        assert_eq!(fake.requests().len(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_in_flight_is_awaited_and_its_pipeline_is_left() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, server_assigned(), options()).await;
    fake.expect(Method::POST, PIPELINES)
        .delay(seconds(1))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let signal = async {
        tokio::time::sleep(millis(500)).await;
        shutdown.drain(seconds(30)).await
    };
    let (outcome, report) = tokio::join!(validated.resolve(), signal);
    assert!(matches!(outcome.unwrap_err().error(), Error::ShutdownBegun));
    let report = report.unwrap();
    let entry = only_entry(&report);
    assert!(matches!(entry.end, ShutdownEnd::Left), "{report}");
    assert_eq!(entry.id, Some(id("pl_1")));
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn a_create_that_never_shows_is_in_the_report() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, server_assigned(), options()).await;
    fake.expect(Method::POST, PIPELINES).lost();
    let listed = fake
        .expect(Method::GET, LIST)
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    let (_, validated) = resolve_error(validated.resolve().await);
    let error = shutdown.drain(seconds(30)).await.unwrap_err();
    let entry = only_entry(&error.report);
    let absent = ShutdownEnd::Unsettled {
        since: std::time::SystemTime::now(),
        error: Unsettled::Absent,
    };
    assert_eq!(
        std::mem::discriminant(&entry.end),
        std::mem::discriminant(&absent)
    );

    // A second call goes on with it.
    let _ = listed.reply_json(
        200,
        &json!({"data": [pipeline("pl_1", QUERY)], "hasMore": false}),
    );
    let report = shutdown.drain(seconds(30)).await.unwrap();
    assert_eq!(only_entry(&report).id, Some(id("pl_1")));
    drop(validated);
}

#[tokio::test(start_paused = true)]
async fn a_drain_after_the_beginning_of_a_stop_lists_what_is_there() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let running = running(
        &fake,
        options()
            .with_on_shutdown(OnShutdown::Stop)
            .under(&shutdown),
    )
    .await;
    shutdown.begin();
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
    assert!(shutdown.drain(seconds(1)).await.unwrap().entries.is_empty());
    drop(running);
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn one_value_holds_a_submission_in_any_state() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, chosen("pl_1")).await;
    let mut any = AnySubmission::from(validated);
    assert_eq!(
        (any.id(), any.name(), any.state()),
        (None, "orders", "Validated")
    );
    let AnySubmission::Validated(validated) = any else {
        panic!("{any:?}");
    };
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    any = validated.resolve().await.unwrap().into();
    assert_eq!(
        (any.id(), any.state()),
        (Some(&id("pl_1")), "Resolved<Created>")
    );
    let AnySubmission::Created(created) = any else {
        panic!("{any:?}");
    };
    any = created.register().into();
    assert_eq!(any.state(), "Registered");
}

#[tokio::test(start_paused = true)]
async fn a_delete_in_flight_is_awaited() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let stopped = stopped(&fake, options().under(&shutdown)).await;
    shows(&fake, &[undesired("Stopped")]);
    fake.expect(Method::DELETE, path("pl_1"))
        .delay(seconds(1))
        .reply(200, "");
    let signal = async {
        tokio::time::sleep(millis(500)).await;
        let report = shutdown.drain(seconds(30)).await.unwrap();
        (report.entries.len(), tokio::time::Instant::now())
    };
    let began = tokio::time::Instant::now();
    let (deleted, (count, ended)) = tokio::join!(stopped.delete(), signal);
    assert!(matches!(deleted.unwrap_err().error(), Error::ShutdownBegun));
    assert_eq!(count, 0);
    assert!(ended - began >= seconds(1), "{:?}", ended - began);
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn what_has_only_begun_may_yet_drain() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let setup = options()
        .with_on_shutdown(OnShutdown::Stop)
        .under(&shutdown);
    let running = running(&fake, setup).await;
    shutdown.begin();
    let report = shutdown.drain(seconds(30)).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::Left),
        "{report}"
    );
    drop(running);
    fake.finish();
}

//! A shutdown after a create whose reply was lost.

use serde_json::json;
use stepwell::{
    PipelineSpec, Shutdown,
    error::ResolveError,
    shutdown::{ShutdownEnd, Unsettled},
    spec::Identity,
    transport::{FakeTransport, http::Method},
};
use tokio::time::Instant;

use crate::{
    shutdown_create::{about_to_create, server_assigned},
    support::*,
};

#[tokio::test(start_paused = true)]
async fn a_create_whose_outcome_is_unknown_is_settled_and_stopped() {
    for (spec, chosen) in [(spec(), true), (server_assigned(), false)] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let settle = options()
            .with_settle_timeout(millis(1))
            .with_resolve_timeout(seconds(1));
        let validated = about_to_create(&fake, &shutdown, spec, settle).await;
        let found = if chosen { spec_id() } else { "pl_1".to_owned() };
        if chosen {
            fake.expect(Method::PUT, path(spec_id())).hang();
            fake.expect(Method::GET, path(spec_id())).lost().times(2);
        } else {
            fake.expect(Method::POST, PIPELINES).hang();
            fake.expect(Method::GET, LIST).lost().times(1);
        }
        let (error, _) = resolve_error(validated.resolve().await);
        assert!(
            matches!(error, ResolveError::OutcomeUnknown { .. }),
            "{error:?}"
        );
        if chosen {
            fake.not_there(spec_id());
            fake.expect(Method::GET, path(spec_id()))
                .reply_json(200, &pipeline(spec_id(), QUERY));
        } else {
            fake.list(&[]);
            fake.list(&[pipeline("pl_1", QUERY)]);
        }
        expect_stop(&fake, &found);
        assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), &found);
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_never_shows_is_in_the_report_and_the_next_call_goes_on_with_it() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, server_assigned(), options()).await;
    fake.expect(Method::POST, PIPELINES).lost();
    let listed = fake
        .expect(Method::GET, LIST)
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    let started = Instant::now();
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(started.elapsed() <= seconds(30), "{:?}", started.elapsed());
    let [entry] = &error.report.entries[..] else {
        panic!("{error}");
    };
    assert!(
        matches!(
            &entry.end,
            ShutdownEnd::Unsettled {
                error: Unsettled::Absent,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!((entry.name.as_str(), &entry.id), ("orders", &None));
    for words in [
        "1 of 1 pipelines may still be running",
        "\"orders\"",
        "has not shown up",
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    let _ = listed.reply_json(
        200,
        &json!({"data": [pipeline("pl_1", QUERY)], "hasMore": false}),
    );
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

/// A create whose reply is lost and whose caller has gone.
async fn lost_and_dropped(fake: &FakeTransport, shutdown: &Shutdown, spec: PipelineSpec) {
    let (method, to) = match spec.identity() {
        Identity::ServerAssigned => (Method::POST, PIPELINES.to_owned()),
        _ => (Method::PUT, path(spec_id())),
    };
    let validated = about_to_create(fake, shutdown, spec, options()).await;
    fake.expect(method, to).delay(millis(100)).lost();
    let cut = tokio::time::timeout(millis(1), validated.resolve()).await;
    assert!(cut.is_err());
}

#[tokio::test(start_paused = true)]
async fn of_several_that_may_be_the_one_none_is_stopped_and_all_are_named() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    lost_and_dropped(&fake, &shutdown, server_assigned()).await;
    fake.list(&[pipeline("pl_1", QUERY), pipeline("pl_2", QUERY)]);
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(
        matches!(
            &only_entry(&error.report).end,
            ShutdownEnd::Unsettled { error: Unsettled::Ambiguous { ids }, .. } if ids.len() == 2
        ),
        "{error}"
    );
    assert!(error.to_string().contains("pl_1"), "{error}");
    assert!(error.to_string().contains("pl_2"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_refused_is_in_the_report() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    lost_and_dropped(&fake, &shutdown, spec()).await;
    fake.expect(Method::GET, path(spec_id())).reply(401, "");
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(
        matches!(
            &only_entry(&error.report).end,
            ShutdownEnd::Unsettled {
                error: Unsettled::Look { .. },
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("check the token"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_id_that_turns_out_to_be_anothers_was_not_created_and_is_not_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    lost_and_dropped(&fake, &shutdown, spec()).await;
    fake.expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), "SELECT 2"));
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::NotCreated),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_option_to_leave_it_leaves_a_create_in_doubt_too() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let leave = options().with_on_shutdown(stepwell::OnShutdown::Leave);
    let validated = about_to_create(&fake, &shutdown, spec(), leave).await;
    fake.expect(Method::PUT, path(spec_id()))
        .delay(millis(100))
        .lost();
    let cut = tokio::time::timeout(millis(1), validated.resolve()).await;
    assert!(cut.is_err());
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::Left),
        "{report}"
    );
}

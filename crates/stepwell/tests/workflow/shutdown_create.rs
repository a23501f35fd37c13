//! A shutdown in the middle of a create, and after one whose reply was lost.

use serde_json::json;
use stepwell::{
    Error, OnShutdown, Options, PipelineSpec, Shutdown, Submission,
    error::ResolveError,
    shutdown::{ShutdownEnd, Unsettled},
    spec::Identity,
    state::Validated,
    transport::{FakeTransport, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

/// A submission under `shutdown` to a server without pipelines.
async fn about_to_create(
    fake: &FakeTransport,
    shutdown: &Shutdown,
    spec: PipelineSpec,
    options: Options,
) -> Submission<Validated> {
    let validated = validated_with(fake.clone(), fake, spec, options.under(shutdown)).await;
    fake.list(&[]);
    validated
}

fn server_assigned() -> PipelineSpec {
    PipelineSpec::builder(QUERY)
        .name("orders")
        .identity(Identity::ServerAssigned)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_signal_during_a_create_stops_the_pipeline_once_and_only_after_the_reply() {
    for spec in [spec(), server_assigned()] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let method = match spec.identity() {
            Identity::ServerAssigned => (Method::POST, PIPELINES.to_owned()),
            _ => (Method::PUT, path(spec_id())),
        };
        let validated = about_to_create(&fake, &shutdown, spec, options()).await;
        fake.expect(method.0, method.1)
            .delay(millis(1_500))
            .reply_json(200, &pipeline("pl_1", QUERY));
        expect_stop(&fake, "pl_1");
        let signal = async {
            tokio::time::sleep(seconds(1)).await;
            shutdown.stop_all(policy()).await
        };
        let (outcome, report, before) = tokio::join!(validated.resolve(), signal, async {
            tokio::time::sleep(millis(1_400)).await;
            fake.requests().len()
        });
        // Ping, validate, list, and the create whose reply is not there yet.
        assert_eq!(before, 4);
        let (error, validated) = outcome.unwrap_err().into_parts();
        assert!(matches!(error, Error::ShutdownBegun), "{error:?}");
        assert!(validated.has_create_in_doubt());
        assert_stopped(&report.unwrap(), "pl_1");
        assert_eq!(creates(&fake), 1);
        assert_eq!(count(&fake, &Method::PATCH, |_| true), 1);
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_caller_is_gone_is_still_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, spec(), options()).await;
    fake.expect(Method::PUT, path(spec_id()))
        .delay(seconds(1))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let cut = tokio::time::timeout(millis(1), validated.resolve()).await;
    assert!(cut.is_err());
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_refused_after_its_caller_is_gone_leaves_nothing_to_stop() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, spec(), options()).await;
    fake.expect(Method::PUT, path(spec_id()))
        .delay(seconds(1))
        .reply(422, "");
    assert!(
        tokio::time::timeout(millis(1), validated.resolve())
            .await
            .is_err()
    );
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(report.entries[0].end, ShutdownEnd::NotCreated),
        "{report}"
    );
}

/// It is another's, or a proxy has sent ours twice: it is told, and not stopped.
#[tokio::test(start_paused = true)]
async fn a_create_refused_as_a_duplicate_after_its_caller_is_gone_is_told_and_left() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, spec(), options()).await;
    fake.expect(Method::PUT, path(spec_id()))
        .delay(seconds(1))
        .reply_json(400, &json!({"error": "duplicate"}));
    assert!(
        tokio::time::timeout(millis(1), validated.resolve())
            .await
            .is_err()
    );
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(report.entries[0].end, ShutdownEnd::Left),
        "{report}"
    );
}

/// The shutdown begins while the server holds the create, and is then answered with a refusal.
#[tokio::test(start_paused = true)]
async fn a_create_that_is_refused_after_the_shutdown_began_was_not_created() {
    for (status, words) in [
        (400, "Failed to plan query:\n * column 'a' not found"),
        (403, "not yours"),
        (409, "busy, try again"),
        (413, "too large"),
        (422, "missing field"),
    ] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let stop = options().with_on_shutdown(OnShutdown::Stop);
        let validated = about_to_create(&fake, &shutdown, spec(), stop).await;
        fake.expect(Method::PUT, path(spec_id()))
            .delay(seconds(1))
            .reply_json(status, &json!({"error": words}));
        let stopping = async {
            tokio::time::sleep(millis(100)).await;
            shutdown.stop_all(policy()).await
        };
        let (outcome, report) = tokio::join!(validated.resolve(), stopping);
        assert!(matches!(
            outcome.unwrap_err().error(),
            stepwell::Error::ShutdownBegun
        ));
        let report = report.unwrap();
        assert!(
            matches!(report.entries[0].end, ShutdownEnd::NotCreated),
            "{report}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_refused_as_a_duplicate_and_does_not_show_is_not_called_unanswered() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let stop = options().with_on_shutdown(OnShutdown::Stop);
    let validated = about_to_create(&fake, &shutdown, spec(), stop).await;
    fake.expect(Method::PUT, path(spec_id()))
        .delay(seconds(1))
        .reply_json(
            400,
            &json!({"error": "A record already exists with that name or id"}),
        );
    fake.not_there(spec_id()).always();
    assert!(
        tokio::time::timeout(millis(1), validated.resolve())
            .await
            .is_err()
    );
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(
        matches!(
            &error.report.entries[0].end,
            ShutdownEnd::Unsettled {
                error: Unsettled::Refused { .. },
                ..
            }
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("A record already exists"), "{text}");
    assert!(!text.contains("not answered"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_run_after_a_dropped_one_finds_the_pipeline_and_creates_none() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, spec(), options()).await;
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    drop(validated.resolve().await.unwrap());
    let again = validated_with(fake.clone(), &fake, spec(), options()).await;
    fake.list(&[pipeline(spec_id(), QUERY)]);
    fake.jobs(spec_id(), job("Scheduling"));
    let _ = resumed(again.resolve().await.unwrap());
    assert_eq!(creates(&fake), 1);
}

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

#[tokio::test(start_paused = true)]
async fn a_create_that_is_not_answered_by_the_deadline_is_under_way() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(
        &fake,
        &shutdown,
        spec(),
        options()
            .with_request_timeout(seconds(60))
            .with_resolve_timeout(seconds(60)),
    )
    .await;
    fake.expect(Method::PUT, path(spec_id())).hang();
    assert!(
        tokio::time::timeout(millis(1), validated.resolve())
            .await
            .is_err()
    );
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(
        matches!(
            &error.report.entries[0].end,
            ShutdownEnd::Unsettled {
                error: Unsettled::UnderWay,
                ..
            }
        ),
        "{error}"
    );
}

/// A create whose reply is lost and whose caller is gone.
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
            &error.report.entries[0].end,
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
            &error.report.entries[0].end,
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
        matches!(report.entries[0].end, ShutdownEnd::NotCreated),
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
        matches!(report.entries[0].end, ShutdownEnd::Left),
        "{report}"
    );
}

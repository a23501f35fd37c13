//! A shutdown in the middle of a create.

use serde_json::json;
use stepwell::{
    Error, OnShutdown, Options, PipelineSpec, Shutdown, Submission,
    shutdown::{ShutdownEnd, Unsettled},
    spec::Identity,
    state::Validated,
    transport::{FakeTransport, http::Method},
};

use crate::support::*;

/// A submission under `shutdown` to a server without pipelines.
pub(crate) async fn about_to_create(
    fake: &FakeTransport,
    shutdown: &Shutdown,
    spec: PipelineSpec,
    options: Options,
) -> Submission<Validated> {
    let validated = validated_with(fake.clone(), fake, spec, options.under(shutdown)).await;
    fake.list(&[]);
    validated
}

pub(crate) fn server_assigned() -> PipelineSpec {
    PipelineSpec::builder(QUERY)
        .name("orders")
        .identity(Identity::ServerAssigned)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_signal_during_a_create_stops_the_pipeline_once_and_only_after_the_reply() {
    for spec in [chosen("pl_1"), server_assigned()] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let method = match spec.identity() {
            Identity::ServerAssigned => (Method::POST, PIPELINES.to_owned()),
            _ => (Method::PUT, path("pl_1")),
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
        // Ping, validate, list, and the create that awaits its reply.
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
    let validated = about_to_create(&fake, &shutdown, chosen("pl_1"), options()).await;
    fake.expect(Method::PUT, path("pl_1"))
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
        matches!(only_entry(&report).end, ShutdownEnd::NotCreated),
        "{report}"
    );
}

/// The pipeline is another client's, or a proxy sent our create twice: it is reported but not stopped.
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
        matches!(only_entry(&report).end, ShutdownEnd::Left),
        "{report}"
    );
}

/// The shutdown begins while the server holds the create, which is then refused.
#[tokio::test(start_paused = true)]
async fn a_create_that_is_refused_after_the_shutdown_began_was_not_created() {
    for (status, words) in [
        (400, "Failed to plan query:\n * column 'a' not found"),
        (400, "Field name must be set"),
        (403, "not yours"),
        (409, "busy, try again"),
        (413, "too large"),
        (422, "missing field"),
        (429, "slow down"),
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
            matches!(only_entry(&report).end, ShutdownEnd::NotCreated),
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
            &only_entry(&error.report).end,
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
            &only_entry(&error.report).end,
            ShutdownEnd::Unsettled {
                error: Unsettled::UnderWay,
                ..
            }
        ),
        "{error}"
    );
}

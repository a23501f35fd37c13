//! Creating under an id that the client chooses: `PUT /api/v1/pipelines/{id}`.

use std::time::Duration;

use serde_json::json;
use stepwell::{
    Error, PipelineSpec, StopPolicy,
    arroyo::Udf,
    error::{Action, ResolveError},
    observe::Difference,
    spec::{CheckpointInterval, Identity, Intent},
    transport::{FakeTransport, Phase, TransportErrorKind, http::Method},
};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_create_sends_the_least_there_is_and_leaves_out_what_is_unset() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .with_json(json!({"name": "orders", "query": QUERY, "parallelism": 1}))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let created = created(validated.resolve().await.unwrap());
    assert_eq!(created.id().as_str(), spec_id());
    assert_eq!(created.name(), "orders");
    assert!(created.differences().is_empty());
    let registered = created.register();
    assert_eq!(registered.is_created_here(), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_create_sends_all_that_is_set_and_reports_what_the_server_ignored() {
    let spec = PipelineSpec::builder(QUERY)
        .name("orders")
        .parallelism(four())
        .checkpoint_interval(CheckpointInterval::new(Duration::from_secs(30)).unwrap())
        .tag("team", "data")
        .environment("KEY", "value")
        .scheduler_config(json!({"process": {"slots-per-process": 2}}))
        .udf(Udf::python("def f(): pass"))
        .identity(Identity::Given(id("orders-1")))
        .build()
        .unwrap();
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path("orders-1"))
        .with_json(json!({
            "name": "orders", "query": QUERY, "parallelism": 4,
            "checkpoint_interval_micros": 30_000_000, "checkpointIntervalMicros": 30_000_000,
            "udfs": [{"definition": "def f(): pass", "language": "python"}],
            "tags": {"team": "data"}, "env_vars": {"KEY": "value"}, "scheduler_config": {"process": {"slots-per-process": 2}},
        }))
        .reply_json(
            200,
            &pipeline("orders-1", QUERY)
                .with("graph", graph(4))
                .with("udfs", json!([{"definition": "def f(): pass", "language": "python"}])),
        );
    let created = created(validated.resolve().await.unwrap());
    assert_eq!(
        created.differences(),
        [
            Difference::CheckpointInterval {
                wanted_micros: 30_000_000,
                found_micros: 10_000_000
            },
            Difference::Tags
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_put_whose_reply_is_lost_is_looked_for_and_adopted() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    fake.jobs(spec_id(), job("Scheduling"));
    let resumed = resumed(validated.resolve().await.unwrap());
    assert!(resumed.is_adopted());
    assert_eq!(resumed.register().is_created_here(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_put_that_left_nothing_is_sent_again_under_the_same_id() {
    for status in [None, Some(502)] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        match status {
            None => fake.expect(Method::PUT, path(spec_id())).lost(),
            Some(status) => fake.expect(Method::PUT, path(spec_id())).reply(status, ""),
        };
        fake.not_there(spec_id());
        fake.expect(Method::PUT, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
        let created = created(validated.resolve().await.unwrap());
        assert!(created.differences().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_is_repeated_and_called_a_duplicate_is_our_own() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.not_there(spec_id());
    fake.expect(Method::PUT, path(spec_id())).reply_json(
        400,
        &json!({"error": "Pipeline with this ID already exists"}),
    );
    fake.expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    fake.jobs(spec_id(), job("Created"));
    assert!(resumed(validated.resolve().await.unwrap()).is_adopted());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_with_the_same_query_is_resumed_as_anothers() {
    for status in [400, 409] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path(spec_id()))
            .reply_json(status, &json!({"error": "duplicate"}));
        fake.not_there(spec_id());
        fake.expect(Method::GET, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
        fake.jobs(spec_id(), job("Created"));
        let resumed = resumed(validated.resolve().await.unwrap());
        assert!(resumed.is_adopted());
        // Another client created it, so the shutdown leaves it.
        let report = resumed.shutdown().stop_all(StopPolicy::default()).await;
        assert!(report.unwrap().to_string().contains("was left as it is"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rivals_pipeline_is_an_error_where_only_a_create_will_do() {
    let spec = PipelineSpec::builder(QUERY)
        .name("orders")
        .intent(Intent::CreateOnly)
        .build()
        .unwrap();
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(400, &json!({"error": "duplicate"}));
    fake.expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::AlreadyExists { .. }),
        "{error:?}"
    );
    let report = validated.shutdown().stop_all(StopPolicy::default()).await;
    assert!(report.unwrap().entries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_post_follows_a_put_in_doubt_not_even_after_a_405() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.not_there(spec_id());
    fake.expect(Method::PUT, path(spec_id())).reply(405, "");
    fake.not_there(spec_id()).always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    assert!(validated.has_create_in_doubt());
    assert_eq!(count(&fake, &Method::POST, |path| path == PIPELINES), 0);
    // Nor is one sent in the next attempt, although the transport now knows a server without `PUT`.
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::StillUnknown { .. }),
        "{error:?}"
    );
    assert!(validated.has_create_in_doubt());
    assert_eq!(count(&fake, &Method::POST, |path| path == PIPELINES), 0);
    assert_eq!(creates(&fake), 2);
}

#[tokio::test(start_paused = true)]
async fn a_put_that_stays_in_doubt_is_an_unknown_outcome_and_the_next_resolve_settles_it_first() {
    let fake = FakeTransport::any_order();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost().times(6);
    fake.not_there(spec_id()).always();
    let (error, validated) = resolve_error(validated.resolve().await);
    let ResolveError::OutcomeUnknown {
        id: found, name, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (found.as_ref(), name.as_str()),
        (Some(&id(&spec_id())), "orders")
    );
    let text = error.to_string();
    for words in [
        &spec_id(),
        "\"orders\"",
        "http://fake.test:5115",
        "look for it",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let error = Error::from(error);
    assert_eq!(error.phase(), Phase::MaybeSent);
    assert!(error.is_retryable());
    assert_eq!(
        validated.plan().await.unwrap(),
        stepwell::state::Plan::Settle {
            id: Some(id(&spec_id()))
        }
    );
    let creates_before = creates(&fake);
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::StillUnknown { .. }),
        "{error:?}"
    );
    assert_eq!(creates(&fake), creates_before);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_did_not_leave_is_sent_again_until_the_deadline() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).refused().times(3);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let _ = created(validated.resolve().await.unwrap());

    let fake = FakeTransport::new();
    let validated = validated_with(fake.clone(), &fake, spec(), options()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).refused().always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(
            &error,
            ResolveError::Unanswered {
                action: Action::Create,
                ..
            }
        ),
        "{error:?}"
    );
    let error = Error::from(error);
    assert_eq!(error.phase(), Phase::NotSent);
    assert!(!validated.has_create_in_doubt());
    let report = validated.shutdown().stop_all(StopPolicy::default()).await;
    assert!(report.unwrap().entries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_create_that_can_never_leave_ends_at_once() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .fail(TransportErrorKind::Tls, Phase::NotSent);
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
}

//! Creating where the server chooses the id: `POST /api/v1/pipelines`.

use serde_json::{Value, json};
use stepwell::{
    Error, PipelineSpec, Submission,
    error::ResolveError,
    observe::Difference,
    spec::Identity,
    state::Validated,
    transport::{FakeTransport, Phase, SharedTransport, TransportErrorKind, http::Method},
};

use crate::support::*;

pub(crate) fn server_assigned() -> PipelineSpec {
    PipelineSpec::builder(QUERY)
        .name("orders")
        .identity(Identity::ServerAssigned)
        .force(true)
        .build()
        .unwrap()
}

/// A submission whose next request is the `POST`; these pipelines already exist.
async fn about_to_post(fake: &FakeTransport, before: &[Value]) -> Submission<Validated> {
    let validated = validated(fake, server_assigned()).await;
    fake.list(before);
    validated
}

fn posts(fake: &FakeTransport) -> usize {
    count(fake, &Method::POST, |path| path == PIPELINES)
}

#[tokio::test(start_paused = true)]
async fn a_server_without_put_is_posted_to_and_remembered_by_all_that_share_the_transport() {
    let fake = FakeTransport::new();
    let transport = SharedTransport::new(fake.clone());
    let first = validated_with(transport.clone(), &fake, spec(), options()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).reply(405, "");
    fake.expect(Method::POST, PIPELINES)
        .with_json(json!({"name": "orders", "query": QUERY, "parallelism": 1}))
        .reply_json(200, &pipeline("pl_1", QUERY));
    assert_eq!(
        created(first.resolve().await.unwrap()).id().as_str(),
        "pl_1"
    );

    let other = PipelineSpec::builder("SELECT 2")
        .force(true)
        .build()
        .unwrap();
    let second = validated_with(transport, &fake, other, options()).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.expect(Method::POST, PIPELINES)
        .with_json(json!({"name": "query", "query": "SELECT 2", "parallelism": 1}))
        .reply_json(
            200,
            &pipeline("pl_2", "SELECT 2").with("name", json!("query")),
        );
    assert_eq!(
        created(second.resolve().await.unwrap()).id().as_str(),
        "pl_2"
    );
}

/// The reply is that of a release 0.15.0 (`105_create_same_query_again`), which has no tags.
#[tokio::test(start_paused = true)]
async fn what_a_server_up_to_0_15_ignores_is_told() {
    let spec = PipelineSpec::builder(QUERY)
        .name("orders")
        .tag("team", "data")
        .environment("KEY", "value")
        .scheduler_config(json!({"process": {"slots-per-process": 2}}))
        .identity(Identity::Given(id("orders-1")))
        .build()
        .unwrap();
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path("orders-1")).reply(405, "");
    let reply = pipeline("pl_1", QUERY).without("tags").without("state_url");
    fake.expect(Method::POST, PIPELINES).reply_json(200, &reply);
    let created = created(validated.resolve().await.unwrap());
    let found = created.differences();
    assert_eq!(
        found,
        [
            Difference::Id {
                wanted: id("orders-1"),
                found: id("pl_1")
            },
            Difference::Tags,
            Difference::Environment,
            Difference::SchedulerConfig,
        ]
    );
    assert_eq!(found[0].to_string(), "its id is pl_1, not orders-1");
}

#[tokio::test(start_paused = true)]
async fn an_id_that_the_server_is_to_choose_is_never_put() {
    let fake = FakeTransport::new();
    let validated = about_to_post(&fake, &[]).await;
    fake.expect(Method::POST, PIPELINES)
        .reply_json(200, &pipeline("pl_1", QUERY));
    let _ = created(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_post_whose_reply_is_lost_is_found_in_the_list_by_name_and_query_among_the_new_ones() {
    let fake = FakeTransport::new();
    // The create is forced past another query. A pipeline with the same name and query cannot exist here, because it would be resumed.
    let before = [pipeline("pl_old", "SELECT 2")];
    let validated = about_to_post(&fake, &before).await;
    fake.expect(Method::POST, PIPELINES).lost();
    fake.list(&before);
    fake.list(&[
        pipeline("pl_new", QUERY),
        pipeline("pl_name", QUERY).with("name", json!("another")),
        pipeline("pl_query", "SELECT 3"),
        pipeline("pl_preview", QUERY).with("preview", json!(true)),
        pipeline("pl_old", QUERY),
    ]);
    fake.jobs("pl_new", job("Scheduling"));
    let resumed = resumed(validated.resolve().await.unwrap());
    assert_eq!(resumed.id().as_str(), "pl_new");
    assert!(resumed.is_adopted());
    assert_eq!(posts(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn two_new_ones_are_ambiguous_and_both_are_named() {
    let fake = FakeTransport::new();
    let validated = about_to_post(&fake, &[]).await;
    fake.expect(Method::POST, PIPELINES).lost();
    fake.list(&[pipeline("pl_1", QUERY), pipeline("pl_2", QUERY)]);
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Ambiguous { .. }), "{error:?}");
    assert!(error.to_string().contains("pl_1") && error.to_string().contains("pl_2"));
    assert!(validated.has_create_in_doubt());
}

#[tokio::test(start_paused = true)]
async fn a_post_that_cannot_be_found_is_an_unknown_outcome_and_no_second_one_ever_follows() {
    let fake = FakeTransport::any_order();
    let validated = about_to_post(&fake, &[]).await;
    fake.expect(Method::POST, PIPELINES).lost();
    fake.expect(Method::GET, LIST)
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    let (error, validated) = resolve_error(validated.resolve().await);
    let ResolveError::OutcomeUnknown { id: None, .. } = &error else {
        panic!("{error:?}");
    };
    let error = Error::from(error);
    assert_eq!(error.phase(), Phase::MaybeSent);
    assert!(validated.has_create_in_doubt());

    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::StillUnknown { .. }),
        "{error:?}"
    );
    let error = Error::from(error);
    assert_eq!(error.phase(), Phase::MaybeSent);
    assert!(error.is_retryable());
    assert!(validated.has_create_in_doubt());
    assert_eq!(posts(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn the_next_resolve_finds_what_the_one_before_could_not() {
    let fake = FakeTransport::new();
    let validated = about_to_post(&fake, &[]).await;
    fake.expect(Method::POST, PIPELINES).lost();
    // No list is answered until the outcome is reported as unknown.
    fake.expect(Method::GET, LIST).hang().times(2);
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Running"));
    let resumed = resumed(validated.resolve().await.unwrap());
    assert!(resumed.is_adopted());
    assert_eq!(posts(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn every_answer_that_leaves_a_doubt_is_looked_into_and_never_repeated() {
    for (status, body) in [
        (200, ""),
        (200, "{\"id\": \"pl_1\", \"na"),
        (200, "<html>a gateway</html>"),
        (500, "{\"error\":\"internal\"}"),
        (502, "<html>nginx</html>"),
        (504, ""),
        (408, ""),
    ] {
        let fake = FakeTransport::new();
        let validated = about_to_post(&fake, &[]).await;
        fake.expect(Method::POST, PIPELINES).reply(status, body);
        fake.list(&[pipeline("pl_1", QUERY)]);
        fake.jobs("pl_1", job("Running"));
        let resumed = resumed(validated.resolve().await.unwrap());
        assert!(resumed.is_adopted(), "{status} {body}");
        assert_eq!(posts(&fake), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_refused_ends_at_once_with_the_servers_words() {
    for (status, words) in [
        (400, "Field name must be set"),
        (403, "not yours"),
        (409, "another transaction won"),
        (413, "too large"),
        (422, "missing field `name`"),
    ] {
        let fake = FakeTransport::new();
        let validated = about_to_post(&fake, &[]).await;
        fake.expect(Method::POST, PIPELINES)
            .reply_json(status, &json!({"error": words}));
        let started = tokio::time::Instant::now();
        let (error, validated) = resolve_error(validated.resolve().await);
        assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
        assert!(chain(&error).contains(words), "{}", chain(&error));
        assert_eq!(started.elapsed(), seconds(0));
        assert!(!validated.has_create_in_doubt());
        assert_eq!(posts(&fake), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_that_times_out_is_not_repeated() {
    let fake = FakeTransport::new();
    let validated = about_to_post(&fake, &[]).await;
    fake.expect(Method::POST, PIPELINES).hang();
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Running"));
    assert!(resumed(validated.resolve().await.unwrap()).is_adopted());
    assert_eq!(posts(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn tries_that_reads_need_are_no_licence_to_repeat_a_create() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, server_assigned()).await;
    fake.expect(Method::GET, LIST).reply(502, "");
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES).lost();
    fake.expect(Method::GET, LIST).reply(502, "");
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Running"));
    assert!(resumed(validated.resolve().await.unwrap()).is_adopted());
    assert_eq!(posts(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_did_not_leave_is_sent_again() {
    let fake = FakeTransport::new();
    let validated = about_to_post(&fake, &[]).await;
    fake.expect(Method::POST, PIPELINES).refused().times(2);
    fake.expect(Method::POST, PIPELINES)
        .fail(TransportErrorKind::TimedOut, Phase::NotSent);
    fake.expect(Method::POST, PIPELINES)
        .reply_json(200, &pipeline("pl_1", QUERY));
    let _ = created(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_create_in_doubt_stays_so_when_looking_for_it_fails() {
    for refused in [true, false] {
        let fake = FakeTransport::new();
        let validated = about_to_post(&fake, &[]).await;
        fake.expect(Method::POST, PIPELINES).lost();
        let looked = fake
            .expect(Method::GET, LIST)
            .reply_json(200, &json!({"data": [], "hasMore": false}))
            .always();
        let (error, validated) = resolve_error(validated.resolve().await);
        assert!(
            matches!(error, ResolveError::OutcomeUnknown { .. }),
            "{error:?}"
        );
        // A failed look-up says nothing about the create.
        let _ = if refused {
            looked.refused()
        } else {
            looked.reply(401, "")
        };
        let (error, validated) = resolve_error(validated.resolve().await);
        assert!(
            matches!(error, ResolveError::OutcomeUnknown { .. }),
            "{error:?}"
        );
        let words = if refused {
            "Refused"
        } else {
            "check the token"
        };
        assert!(chain(&error).contains(words), "{}", chain(&error));
        assert_eq!(Error::from(error).phase(), Phase::MaybeSent);
        assert!(validated.has_create_in_doubt());
        assert_eq!(posts(&fake), 1);
    }
}

//! Creates that the server refuses.

use serde_json::json;
use stepwell::{
    Error, StopPolicy,
    error::{Action, ResolveError},
    spec::Identity,
    transport::{
        Expectation, FakeTransport, Phase,
        http::{HeaderValue, Method, header::RETRY_AFTER},
    },
};

use crate::{create_post::server_assigned, support::*};

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_never_shows_is_a_burnt_id_and_the_error_names_the_cure() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(400, &json!({"error": "duplicate"}));
    fake.not_there(spec_id()).always();
    let started = tokio::time::Instant::now();
    let (error, validated) = resolve_error(validated.resolve().await);
    // By then, even a node that lags behind would show it.
    let took = started.elapsed();
    assert!(took >= seconds(15) && took < seconds(16), "{took:?}");
    assert!(matches!(error, ResolveError::Burnt { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&format!("DELETE /api/v1/pipelines/{}", spec_id())),
        "{error}"
    );
    assert_eq!(creates(&fake), 1);
    assert!(!validated.has_create_in_doubt());
    let report = validated.shutdown().stop_all(StopPolicy::default()).await;
    assert!(report.unwrap().entries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_put_that_is_refused_for_another_reason_ends_with_the_servers_words_and_burns_no_id() {
    for (status, words, is_invalid, looks) in [
        (
            400,
            "Failed to plan query:\n * table 'x' does not exist, or exists elsewhere",
            true,
            false,
        ),
        (400, "Schema error: No field named nothing", true, false),
        (400, "Field name must be set", false, true),
        (409, "another transaction won", false, true),
        (403, "not yours", false, false),
        (413, "too large", false, false),
        (422, "duplicate field `name` at line 1", false, false),
    ] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path(spec_id()))
            .reply_json(status, &json!({"error": words}));
        if looks {
            fake.not_there(spec_id());
        }
        let started = tokio::time::Instant::now();
        let (error, validated) = resolve_error(validated.resolve().await);
        assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
        let first_line = words.lines().next().unwrap();
        assert!(chain(&error).contains(first_line), "{}", chain(&error));
        assert_eq!(error.is_invalid_query(), is_invalid, "{words}");
        assert!(started.elapsed() < seconds(1), "{:?}", started.elapsed());
        assert!(!validated.has_create_in_doubt());
        assert!(!Error::from(error).is_retryable());
        assert_eq!(creates(&fake), 1);
        let report = validated.shutdown().stop_all(StopPolicy::default()).await;
        assert!(report.unwrap().entries.is_empty());
    }
}

/// The `PUT` before it may have taken effect, whatever the refusal says.
#[tokio::test(start_paused = true)]
async fn a_put_that_is_refused_after_one_in_doubt_is_looked_for() {
    for words in ["Failed to plan query", "busy, try again"] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path(spec_id())).lost();
        fake.not_there(spec_id());
        fake.expect(Method::PUT, path(spec_id()))
            .reply_json(400, &json!({"error": words}));
        fake.not_there(spec_id()).times(3);
        fake.expect(Method::GET, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
        fake.jobs(spec_id(), job("Created"));
        let resumed = resumed(validated.resolve().await.unwrap());
        assert!(resumed.found_again());
    }
}

/// The row may be our own, which its readers do not show yet: advice to delete it would be harmful.
#[tokio::test(start_paused = true)]
async fn an_id_that_our_own_put_may_have_taken_is_not_burnt() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.not_there(spec_id());
    fake.expect(Method::PUT, path(spec_id())).reply_json(
        400,
        &json!({"error": "A record already exists with that name or id"}),
    );
    fake.not_there(spec_id()).always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    let text = chain(&error);
    assert!(text.contains("already exists"), "{text}");
    assert!(!text.contains("DELETE"), "{text}");
    assert!(Error::from(error).is_retryable());
    assert!(validated.has_create_in_doubt());
}

/// Servers word the refusal differently.
#[tokio::test(start_paused = true)]
async fn a_rivals_pipeline_is_found_whatever_the_refusal_says() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(409, &json!({"error": "conflict"}));
    fake.expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    fake.jobs(spec_id(), job("Created"));
    let resumed = resumed(validated.resolve().await.unwrap());
    assert!(resumed.is_adopted() && !resumed.found_again());
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_a_busy_server_does_not_show_is_not_called_burnt() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(400, &json!({"error": "duplicate"}));
    fake.expect(Method::GET, path(spec_id()))
        .reply(503, "busy")
        .always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::Unanswered { .. }),
        "{error:?}"
    );
    assert!(!validated.has_create_in_doubt());
}

#[tokio::test(start_paused = true)]
async fn a_refused_create_shows_the_words_of_the_server_and_leaves_nothing_to_stop() {
    for (status, words) in [
        (401, "check the token"),
        (404, "Route not found"),
        (422, "missing field"),
        (413, "length limit"),
    ] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        let body = match status {
            401 => String::new(),
            404 => r#"{"error":"Route not found"}"#.to_owned(),
            _ => words.to_owned(),
        };
        fake.expect(Method::PUT, path(spec_id()))
            .reply(status, body);
        let (error, validated) = resolve_error(validated.resolve().await);
        assert!(
            matches!(
                &error,
                ResolveError::Rejected {
                    action: Action::Create,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(chain(&error).contains(words), "{}", chain(&error));
        let error = Error::from(error);
        assert_eq!(error.phase(), Phase::Responded);
        assert!(!error.is_retryable());
        let report = validated.shutdown().stop_all(StopPolicy::default()).await;
        assert!(report.unwrap().entries.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_settle_an_earlier_doubt() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.not_there(spec_id());
    fake.expect(Method::PUT, path(spec_id())).reply(401, "");
    fake.not_there(spec_id()).always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    assert!(
        chain(&error).contains("check the token"),
        "{}",
        chain(&error)
    );
    assert!(validated.has_create_in_doubt());
}

/// The ways in which a server says that it is busy.
const BUSY: [(u16, &str, Option<&str>); 3] = [
    (429, "slow down", None),
    (409, "busy, try again", None),
    (409, "conflict", Some("1")),
];

fn busy<'a>(
    expected: Expectation<'a>,
    (status, words, retry): (u16, &str, Option<&str>),
) -> Expectation<'a> {
    let expected = expected.reply_json(status, &json!({"error": words}));
    match retry {
        Some(seconds) => expected.header(RETRY_AFTER, HeaderValue::from_str(seconds).unwrap()),
        None => expected,
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_waited_for_before_a_create() {
    for refusal in BUSY {
        for spec in [spec(), server_assigned()] {
            let fake = FakeTransport::new();
            let (method, path) = match spec.identity() {
                Identity::ServerAssigned => (Method::POST, PIPELINES.to_owned()),
                _ => (Method::PUT, path(spec_id())),
            };
            let id = match spec.identity() {
                Identity::ServerAssigned => "pl_1".to_owned(),
                _ => spec_id(),
            };
            let validated = validated(&fake, spec).await;
            fake.list(&[]);
            let _ = busy(fake.expect(method.clone(), path.clone()), refusal).times(3);
            fake.expect(method, path)
                .reply_json(200, &pipeline(&id, QUERY));
            let started = tokio::time::Instant::now();
            assert_eq!(
                created(validated.resolve().await.unwrap()).id().as_str(),
                id
            );
            if refusal.2.is_some() {
                assert!(started.elapsed() >= seconds(3), "{:?}", started.elapsed());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_waited_for_before_a_patch_and_a_restart() {
    for refusal in BUSY {
        let fake = FakeTransport::new();
        let validated = with_job(&fake, spec(), "checkpoint", undesired("Failed")).await;
        let _ = busy(fake.expect(Method::PATCH, path("pl_1")), refusal).times(2);
        fake.patch("pl_1", json!({"stop": "none"}));
        if let (_, _, Some(_seconds)) = refusal {
            // The patch took so long that another client may have restarted it.
            fake.jobs("pl_1", undesired("Failed"));
        }
        let _ = busy(fake.expect(Method::POST, RESTART), refusal);
        fake.jobs("pl_1", undesired("Failed"));
        fake.expect(Method::POST, RESTART).reply(200, "");
        let _ = resumed(validated.resolve().await.unwrap());
        fake.finish();
    }
}

/// A busy answer also says nothing about a create before it.
#[tokio::test(start_paused = true)]
async fn a_put_in_doubt_is_looked_for_while_the_server_is_busy() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.not_there(spec_id());
    fake.expect(Method::PUT, path(spec_id())).reply(429, "");
    fake.expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    fake.jobs(spec_id(), job("Created"));
    assert!(resumed(validated.resolve().await.unwrap()).found_again());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_busy_is_told_in_its_words_and_can_be_tried_later() {
    for refusal in BUSY {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        let create = fake.expect(Method::PUT, path(spec_id()));
        let _ = busy(create, refusal).always();
        let started = tokio::time::Instant::now();
        let (error, validated) = resolve_error(validated.resolve().await);
        assert_eq!(started.elapsed(), seconds(20));
        assert!(
            matches!(error, ResolveError::Unanswered { .. }),
            "{error:?}"
        );
        assert!(chain(&error).contains(refusal.1), "{}", chain(&error));
        assert!(Error::from(error).is_retryable());
        assert!(!validated.has_create_in_doubt());
    }
}

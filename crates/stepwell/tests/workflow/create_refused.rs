//! Creates that the server refuses.

use serde_json::json;
use stepwell::{
    Error, StopPolicy,
    error::{Action, ResolveError},
    transport::{FakeTransport, Phase, http::Method},
};

use crate::support::*;

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
    assert!(started.elapsed() < seconds(6), "{:?}", started.elapsed());
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
        (409, "busy, try again", false, true),
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

#[tokio::test(start_paused = true)]
async fn a_refusal_that_may_pass_can_be_tried_later() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_text(429, "text/plain", "slow down");
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
    assert!(Error::from(error).is_retryable());
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let _ = created(validated.resolve().await.unwrap());
}

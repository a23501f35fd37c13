//! Which failures are tried again, and which are not, by the kind of request.

use serde_json::{Value, json};
use stepwell::{
    error::ResolveError,
    transport::{Expectation, FakeTransport, Phase, TransportErrorKind, http::Method},
};

use crate::{
    by_id::{Look, forced},
    create_post::about_to_post,
    discard::created_to_discard,
    support::*,
    validate::VALIDATE,
};

/// How a request fails in a way that may pass.
type Failure = fn(Expectation<'_>) -> Expectation<'_>;

/// The failures that may pass whatever was asked for: it was not sent or not answered, and the server is busy or has an error.
const PASSING: [Failure; 4] = [
    |request| request.refused(),
    |request| request.lost(),
    |request| request.reply(429, ""),
    |request| request.reply(502, ""),
];

/// A gateway's own page, with a status that says nothing of the server behind it.
const PAGE: Failure = |request| request.reply(200, "<!doctype html><title>gateway</title>");

const OTHER_JSON: Failure = |request| request.reply_json(200, &json!({"status": "starting"}));

const NO_ROUTE: Failure = |request| request.reply(404, "<html>no backend</html>");

fn fails(fake: &FakeTransport, method: &Method, path: &str, with: &[&[Failure]]) {
    for failure in with.iter().copied().flatten() {
        let _ = failure(fake.expect(method.clone(), path));
    }
}

/// As [`fails`], and each failure is followed by a look that shows this job.
fn fails_between_looks(fake: &FakeTransport, method: &Method, with: &[&[Failure]], job: &Value) {
    for failure in with.iter().copied().flatten() {
        fails(fake, method, &path("pl_1"), &[&[*failure]]);
        fake.jobs("pl_1", job.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_again() {
    let fake = FakeTransport::new();
    let connected = connected(&fake, spec()).await;
    fails(&fake, &Method::POST, VALIDATE, &[&PASSING, &[PAGE]]);
    fake.validation();
    let _ = connected.validate().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_look_by_id_is_tried_again_whatever_a_gateway_says() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, forced().build().unwrap()).await;
    let gateway = [PAGE, OTHER_JSON, NO_ROUTE];
    fails(&fake, &Method::GET, &path(spec_id()), &[&PASSING, &gateway]);
    fake.there(spec_id(), "Running");
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_look_at_a_job_is_tried_again_whatever_comes_back() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options()).await;
    let jobs = jobs_path("pl_1");
    let others: [Failure; 6] = [
        PAGE,
        OTHER_JSON,
        NO_ROUTE,
        |request| request.reply(301, ""),
        |request| request.reply(400, ""),
        |request| request.fail(TransportErrorKind::BodyTooLarge, Phase::Responded),
    ];
    fails(&fake, &Method::GET, &jobs, &[&PASSING, &others]);
    shows(&fake, &[job("Running")]);
    let _ = registered.wait_until_running().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_resumes_is_tried_again() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "checkpoint", undesired("Stopped")).await;
    fails(&fake, &Method::PATCH, &path("pl_1"), &[&PASSING, &[PAGE]]);
    fake.patch("pl_1", json!({"stop": "none"}));
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_is_refused_is_not_sent_again() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "checkpoint", undesired("Stopped")).await;
    fake.patch("pl_1", json!({"stop": "none"}))
        .reply_json(400, &json!({"error": "no"}));
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_tried_again_after_a_look_once_it_may_have_been_sent() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    let [not_sent, lost, busy, error] = PASSING;
    // Once it may be that the server has accepted one, its controller gets two ticks more.
    for (failure, looks) in [(not_sent, 1), (lost, 2), (busy, 2), (error, 2), (PAGE, 2)] {
        fails(&fake, &Method::POST, RESTART, &[&[failure]]);
        shows(&fake, &vec![job("Failed"); looks]);
    }
    fake.expect(Method::POST, RESTART).reply(200, "");
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_tried_again_after_a_look_whatever_a_gateway_says() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    let gateway = [PAGE, OTHER_JSON, NO_ROUTE];
    let failures: &[&[Failure]] = &[&PASSING, &gateway];
    fails_between_looks(&fake, &Method::PATCH, failures, &job("Running"));
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    let _ = running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_tried_again_after_a_look_whatever_a_gateway_says() {
    let fake = FakeTransport::new();
    let created = created_to_discard(&fake).await;
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    let gateway = [PAGE, NO_ROUTE];
    let failures: &[&[Failure]] = &[&PASSING, &gateway];
    fails_between_looks(&fake, &Method::DELETE, failures, &undesired("Stopped"));
    fake.expect(Method::DELETE, path("pl_1")).reply(200, "");
    created.discard().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_post_that_is_refused_is_not_sent_again() {
    for status in [400, 404, 405, 422] {
        let fake = FakeTransport::new();
        let validated = about_to_post(&fake, &[]).await;
        fake.expect(Method::POST, PIPELINES)
            .reply_text(status, "text/plain", "no");
        let (error, validated) = resolve_error(validated.resolve().await);
        assert!(
            matches!(error, ResolveError::Rejected { .. }),
            "{status}: {error:?}"
        );
        assert!(!validated.has_create_in_doubt());
        assert_eq!(creates(&fake), 1);
    }
}

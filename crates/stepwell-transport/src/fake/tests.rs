use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

fn get(path: &str) -> Request<Bytes> {
    Request::get(path).body(Bytes::new()).unwrap()
}

fn message(failure: &(dyn std::any::Any + Send)) -> &str {
    failure.downcast_ref::<String>().map_or("", String::as_str)
}

/// The message that a request panics with.
async fn refusal(fake: &FakeTransport, request: Request<Bytes>) -> String {
    let fake = fake.clone();
    let failure = tokio::spawn(async move { fake.execute(request).await })
        .await
        .unwrap_err()
        .into_panic();
    message(&*failure).to_owned()
}

#[tokio::test]
async fn a_mismatch_shows_what_was_expected_and_what_came() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/one").reply(200, "1").always();
    fake.expect(Method::POST, "/two")
        .with_json(serde_json::json!({"a": 1}))
        .always()
        .reply(200, "");
    let message = refusal(&fake, get("/three?x=1")).await;
    assert!(message.contains("got: GET /three?x=1"), "{message}");
    assert!(
        message.contains("expected: GET /one, stated at"),
        "{message}"
    );
    assert!(
        message.contains("fake/tests.rs"),
        "the place of the expectation is shown: {message}"
    );
}

#[tokio::test]
async fn a_strict_script_wants_its_order_and_a_loose_one_does_not() {
    let strict = FakeTransport::new();
    strict.expect(Method::GET, "/one").reply(200, "1");
    strict.expect(Method::GET, "/two").reply(200, "2");
    assert!(
        refusal(&strict, get("/two"))
            .await
            .contains("expected: GET /one")
    );
    strict.execute(get("/one")).await.unwrap();
    strict.execute(get("/two")).await.unwrap();

    let loose = FakeTransport::any_order();
    loose.expect(Method::GET, "/one").reply(200, "1");
    loose.expect(Method::GET, "/two").reply(200, "2");
    assert_eq!(loose.execute(get("/two")).await.unwrap().body(), "2");
    assert_eq!(loose.execute(get("/one")).await.unwrap().body(), "1");
}

#[tokio::test]
async fn what_is_left_over_fails_at_the_end_and_at_the_drop() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/never").reply(200, "").times(2);
    let failure = catch_unwind(AssertUnwindSafe(|| fake.finish())).unwrap_err();
    assert!(
        message(&*failure).contains("GET /never"),
        "{}",
        message(&*failure)
    );
    assert!(message(&*failure).contains("2 more"));
    let failure = catch_unwind(AssertUnwindSafe(|| drop(fake))).unwrap_err();
    assert!(message(&*failure).contains("GET /never"));
}

#[tokio::test]
async fn the_body_decides_where_it_is_given() {
    let fake = FakeTransport::any_order();
    fake.expect(Method::POST, "/x")
        .with_json(serde_json::json!({"a": 2}))
        .reply(200, "two");
    fake.expect(Method::POST, "/x")
        .with_json(serde_json::json!({"a": 1}))
        .reply(200, "one");
    let post = |body: &'static str| {
        Request::post("/x")
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap()
    };
    assert_eq!(
        fake.execute(post(r#"{"a":1}"#)).await.unwrap().body(),
        "one"
    );
    assert_eq!(
        fake.execute(post(r#"{ "a": 2 }"#)).await.unwrap().body(),
        "two"
    );
    assert_eq!(fake.requests()[1].json()["a"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_ends_by_its_deadline() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/x").hang();
    fake.expect(Method::GET, "/y")
        .delay(Duration::from_secs(3))
        .reply(200, "");
    for path in ["/x", "/y"] {
        let started = tokio::time::Instant::now();
        let mut request = get(path);
        request
            .extensions_mut()
            .insert(Deadline(Duration::from_secs(2)));
        let error = fake.execute(request).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (TransportErrorKind::TimedOut, Phase::MaybeSent)
        );
        assert_eq!(started.elapsed(), Duration::from_secs(2));
    }
}

#[tokio::test]
async fn a_path_that_ends_with_a_question_mark_fits_any_query() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/list?").reply(200, "").times(2);
    fake.execute(get("/list?limit=1")).await.unwrap();
    fake.execute(get("/list")).await.unwrap();
}

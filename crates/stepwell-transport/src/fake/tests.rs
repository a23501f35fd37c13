use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::*;
use crate::{Phase, TransportErrorKind};

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
        "the source location of the expectation is shown: {message}"
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
async fn a_request_that_hangs_ends_by_its_timeout() {
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
            .insert(Timeout(Duration::from_secs(2)));
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

#[tokio::test(start_paused = true)]
async fn a_stream_comes_as_it_is_stated_and_loses_nothing_to_a_dropped_call() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/output")
        .reply(200, "one ")
        .piece("two")
        .piece("")
        .pause(Duration::from_secs(3))
        .piece("three")
        .fall_silent();
    let shared = crate::SharedTransport::new(fake.clone());
    let mut body = shared
        .execute_streamed(get("/output"))
        .await
        .unwrap()
        .into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "one ");
    assert_eq!(body.next().await.unwrap().unwrap(), "two");
    let started = tokio::time::Instant::now();
    for _ in 0..2 {
        let too_short = tokio::time::timeout(Duration::from_secs(1), body.next());
        assert!(too_short.await.is_err());
    }
    assert_eq!(body.next().await.unwrap().unwrap(), "three");
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    let silence = tokio::time::timeout(Duration::from_secs(1000), body.next());
    assert!(silence.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_streamed_reply_without_a_stream_is_the_whole_one() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/output").reply(400, "no");
    let reply = fake.execute_streamed(get("/output")).await.unwrap();
    assert_eq!(reply.status(), 400);
    let mut body = reply.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "no");
    assert!(body.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_stream_has_the_timeout() {
    let mut request = get("/output");
    request
        .extensions_mut()
        .insert(Timeout(Duration::from_secs(5)));
    let error = NeverTransport.execute_streamed(request).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::TimedOut);
    assert_eq!(error.phase(), Phase::MaybeSent);
}

#[tokio::test]
async fn a_transport_that_does_not_stream_says_so_and_sends_nothing() {
    #[derive(Debug)]
    struct WholeReplies;

    impl Transport for WholeReplies {
        async fn execute(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
            panic!("nothing may be sent")
        }
    }

    let shared = crate::SharedTransport::new(WholeReplies);
    let error = shared.execute_streamed(get("/output")).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Unsupported);
    assert_eq!(error.phase(), Phase::NotSent);
}

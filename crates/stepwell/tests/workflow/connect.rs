use stepwell::{
    Error, Shutdown, Submission, TransitionError,
    error::ConnectError,
    observe::Event,
    state::Unconnected,
    transport::{
        FakeTransport, Phase, TransportErrorKind,
        http::{HeaderValue, Method, header::RETRY_AFTER},
    },
};
use tokio::time::Instant;

use crate::support::*;

fn connect_error(
    outcome: Result<Submission<stepwell::state::Connected>, TransitionError<Unconnected>>,
) -> (ConnectError, Submission<Unconnected>) {
    let (error, submission) = outcome.unwrap_err().into_parts();
    match error {
        Error::Connect { source } => (source, submission),
        other => panic!("not an error of connecting: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_the_deadline_cuts_short_does_not_hide_the_failure_before() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/ping").refused();
    fake.expect(Method::GET, "/api/v1/ping").hang();
    let options = options().with_request_timeout(seconds(60));
    let failure = submission_with(fake.clone(), spec(), options)
        .connect()
        .await;
    let text = chain(failure.unwrap_err().error());
    assert!(text.contains("did not answer within 5 s"), "{text}");
    assert!(
        text.contains("Refused") && !text.contains("no reply"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pong_connects_and_building_a_submission_sends_nothing() {
    let fake = FakeTransport::new();
    let submission = submission(fake.clone(), spec());
    assert!(fake.requests().is_empty());
    fake.ping();
    let _ = submission.connect().await.unwrap();
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_until_the_server_is_up_and_each_failure_is_told() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/ping").refused().times(4);
    fake.expect(Method::GET, "/api/v1/ping")
        .reply_text(503, "text/plain", "starting");
    fake.expect(Method::GET, "/api/v1/ping").reply(429, "");
    fake.ping();
    let (told, tells) = std::sync::mpsc::channel();
    let options = options().with_observer(move |event: &Event| {
        if let Event::Retrying { attempt, .. } = event {
            let _ = told.send(*attempt);
        }
    });
    let _ = submission_with(fake.clone(), spec(), options)
        .connect()
        .await
        .unwrap();
    assert_eq!(tells.try_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_it_at_once_and_hand_the_submission_back_for_another_try() {
    for status in [401, 403] {
        let fake = FakeTransport::new();
        fake.expect(Method::GET, "/api/v1/ping").reply(status, "");
        let outcome = submission(fake.clone(), spec()).connect().await;
        let (error, submission) = connect_error(outcome);
        assert!(
            matches!(&error, ConnectError::Credentials { status: found, .. } if *found == status)
        );
        let text = chain(&error);
        assert!(text.contains("check the token"), "{text}");
        assert!(text.contains("http://fake.test:5115"), "{text}");
        assert!(!Error::from(error).is_retryable());
        fake.ping();
        let _ = submission.connect().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_an_arroyo_ends_it_at_once() {
    for (status, content_type, body) in [
        (200, "text/html", "<!doctype html><html></html>"),
        (200, "application/json", r#""pong""#),
        (404, "application/json", r#"{"error":"Route not found"}"#),
        (404, "text/html", "<html>nginx</html>"),
        (301, "text/html", ""),
    ] {
        let fake = FakeTransport::new();
        fake.expect(Method::GET, "/api/v1/ping")
            .reply_text(status, content_type, body);
        let (error, _) = connect_error(submission(fake.clone(), spec()).connect().await);
        assert!(
            matches!(error, ConnectError::NotArroyo { .. }),
            "{status} {body}: {error:?}"
        );
        assert!(
            chain(&error).contains("check the address"),
            "{}",
            chain(&error)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_host_and_a_tls_failure_end_it_at_once() {
    for kind in [
        TransportErrorKind::UnknownHost,
        TransportErrorKind::Tls,
        TransportErrorKind::InvalidRequest,
    ] {
        let fake = FakeTransport::new();
        fake.expect(Method::GET, "/api/v1/ping")
            .fail(kind, Phase::NotSent);
        let (error, _) = connect_error(submission(fake.clone(), spec()).connect().await);
        assert!(
            matches!(error, ConnectError::Unreachable { .. }),
            "{error:?}"
        );
        let error = Error::from(error);
        assert_eq!(error.phase(), Phase::NotSent);
        assert!(!error.is_retryable());
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_it_with_the_last_failure_and_another_try_works() {
    let fake = FakeTransport::any_order();
    fake.expect(Method::GET, "/api/v1/ping").refused().times(13);
    let started = Instant::now();
    let outcome = submission_with(fake.clone(), spec(), options().with_jitter_seed(1))
        .connect()
        .await;
    assert_eq!(started.elapsed(), seconds(5));
    let (error, submission) = connect_error(outcome);
    assert!(
        matches!(&error, ConnectError::NotUp { elapsed, .. } if *elapsed == seconds(5)),
        "{error:?}"
    );
    let text = chain(&error);
    assert!(
        text.contains("http://fake.test:5115 did not answer within 5 s"),
        "{text}"
    );
    assert!(text.contains("Refused"), "{text}");
    assert!(Error::from(error).is_retryable());
    fake.ping();
    let _ = submission.connect().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_does_not_outlast_the_deadline() {
    let started = Instant::now();
    let never = stepwell::transport::NeverTransport::default();
    let (error, _) = connect_error(submission(never, spec()).connect().await);
    assert!(matches!(error, ConnectError::NotUp { .. }), "{error:?}");
    let elapsed = started.elapsed();
    assert!(elapsed >= seconds(5) && elapsed < seconds(6), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_has_begun_ends_it_before_anything_is_sent() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    shutdown.begin();
    let submission = submission_with(fake.clone(), spec(), options().under(&shutdown));
    let failure = submission.connect().await.unwrap_err();
    assert!(matches!(failure.error(), Error::ShutdownBegun));
    assert!(fake.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_begins_meanwhile_ends_it() {
    let shutdown = Shutdown::new();
    let never = stepwell::transport::NeverTransport::default();
    let submission = submission_with(never, spec(), options().under(&shutdown));
    let started = Instant::now();
    let (outcome, ()) = tokio::join!(submission.connect(), async {
        tokio::time::sleep(seconds(1)).await;
        shutdown.begin();
    });
    assert!(matches!(outcome.unwrap_err().error(), Error::ShutdownBegun));
    assert_eq!(started.elapsed(), seconds(1));
}

#[test]
fn without_a_runtime_it_says_so() {
    let fake = FakeTransport::new();
    let future = std::pin::pin!(submission(fake, spec()).connect());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(outcome) = future.poll(&mut context) else {
        panic!("it waits");
    };
    assert!(matches!(outcome.unwrap_err().error(), Error::NoRuntime));
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_left_alone_for_as_long_as_it_asks_but_not_past_the_deadline() {
    for (asked, waited) in [(2, 2), (60, 5)] {
        let fake = FakeTransport::new();
        fake.expect(Method::GET, "/api/v1/ping")
            .reply(503, "")
            .header(RETRY_AFTER, HeaderValue::from(asked));
        if asked == 2 {
            fake.ping();
        }
        let started = Instant::now();
        let outcome = submission(fake.clone(), spec()).connect().await;
        assert_eq!(outcome.is_ok(), asked == 2);
        let elapsed = started.elapsed();
        assert!(
            elapsed >= seconds(waited) && elapsed < seconds(waited) + millis(60),
            "{elapsed:?}"
        );
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_head_is_too_large_ends_it_at_once() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/ping")
        .fail(TransportErrorKind::HeadTooLarge, Phase::Responded);
    let started = tokio::time::Instant::now();
    let outcome = submission(fake.clone(), spec()).connect().await;
    let (error, _) = connect_error(outcome);
    assert!(
        matches!(error, ConnectError::Unreachable { .. }),
        "{error:?}"
    );
    assert_eq!(started.elapsed(), seconds(0));
}

//! The request as the server receives it, and requests that cannot be sent.

use bytes::Bytes;
use http::Method;
use stepwell_hyper::{HyperTransport, HyperTransportError};
use stepwell_transport::{Phase, Token, Transport as _, TransportErrorKind as Kind};

use crate::support::{Raw, Then, chain, fetch, get, ok, request};

#[tokio::test]
async fn a_request_is_in_origin_form_with_one_host_and_nothing_it_was_not_asked_for() {
    let server = Raw::start(|_| Then::Keep(ok("x"))).await;
    server
        .transport()
        .execute(request(Method::POST, "/api/v1/pipelines?a=1", "{}"))
        .await
        .unwrap();
    let seen = server.requests().remove(0);
    assert!(
        seen.starts_with("POST /api/v1/pipelines?a=1 HTTP/1.1\r\n"),
        "{seen}"
    );
    let headers: Vec<_> = seen.lines().skip(1).map(str::to_ascii_lowercase).collect();
    let hosts: Vec<_> = headers
        .iter()
        .filter(|line| line.starts_with("host:"))
        .collect();
    assert_eq!(hosts, [&format!("host: {}", server.address)]);
    assert!(headers.contains(&"content-length: 2".to_owned()), "{seen}");
    assert!(
        !headers
            .iter()
            .any(|line| line.starts_with("accept-encoding") || line.starts_with("authorization")),
        "{seen}"
    );
}

#[tokio::test]
async fn the_base_may_have_a_prefix_and_the_token_goes_along() {
    let server = Raw::start(|_| Then::Keep(ok("x"))).await;
    let token: Token = "t0p-s3cret".parse().unwrap();
    for prefix in ["/arroyo", "/arroyo/"] {
        let base = format!("http://{}{prefix}", server.address);
        let transport = HyperTransport::builder(base)
            .token(token.clone())
            .build()
            .unwrap();
        transport.execute(get("/api/v1/ping")).await.unwrap();
        assert!(!format!("{transport:?}").contains("s3cret"));
    }
    for seen in server.requests() {
        assert!(
            seen.starts_with("GET /arroyo/api/v1/ping HTTP/1.1\r\n"),
            "{seen}"
        );
        assert!(
            seen.contains("authorization: Bearer t0p-s3cret\r\n"),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn an_ipv6_host_is_in_brackets() {
    let server = Raw::on("[::1]:0", |_| Then::Keep(ok("x"))).await;
    fetch(&server.transport()).await.unwrap();
    let seen = server.requests().remove(0);
    assert!(
        seen.contains(&format!("host: {}\r\n", server.address)),
        "{seen}"
    );
    assert!(server.address.starts_with("[::1]:"));
}

#[test]
fn addresses_that_cannot_be_used_are_refused_before_any_connection() {
    for text in [
        "localhost:5115",
        "host",
        "http://",
        "http://::1:5115",
        "ftp://host",
        "http://host?x",
        "http://a b",
    ] {
        assert!(HyperTransport::builder(text).build().is_err(), "{text}");
    }
    let error = HyperTransport::builder("http://user:hunter2@host")
        .build()
        .unwrap_err();
    assert!(matches!(error, HyperTransportError::Credentials));
    assert!(!chain(&error).contains("hunter2") && !format!("{error:?}").contains("hunter2"));
    if cfg!(not(feature = "tls")) {
        let error = HyperTransport::builder("https://host").build().unwrap_err();
        assert!(matches!(error, HyperTransportError::NoTls), "{error}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_was_not() {
    let transport = HyperTransport::builder("http://127.0.0.1:1")
        .build()
        .unwrap();
    let request = http::Request::builder()
        .uri("*")
        .body(Bytes::new())
        .unwrap();
    let error = transport.execute(request).await.unwrap_err();
    assert_eq!(error.phase(), Phase::NotSent, "{}", chain(&error));
}

#[tokio::test]
async fn a_write_is_sent_once_whatever_happens_to_it() {
    for then in [
        Then::Close(Vec::new()),
        Then::Reset,
        Then::Close(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
    ] {
        let server = Raw::start(move |_| then.clone()).await;
        let error = server
            .transport()
            .execute(request(Method::POST, "/x", "{}"))
            .await
            .unwrap_err();
        assert_eq!(error.phase(), Phase::MaybeSent, "{}", chain(&error));
        assert_eq!(error.kind(), Kind::Closed, "{}", chain(&error));
        assert_eq!(server.requests().len(), 1);
    }
}

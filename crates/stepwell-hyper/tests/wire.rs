//! The bytes on the wire, and the outcome of every kind of reply.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use stepwell_hyper::{HyperTransport, HyperTransportError};
use stepwell_transport::{
    BodyLimit, Phase, Timeout, Token, Transport as _, TransportErrorKind as Kind,
};
use support::{PATIENCE, Raw, Then, chain, fetch, get, let_the_deadline_pass, ok, request};

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
async fn any_status_is_a_reply_and_a_redirect_is_not_followed() {
    let server = Raw::start(|number| {
        let status = [
            "301 Moved\r\nlocation: /elsewhere",
            "404 Not Found",
            "500 Oops",
            "204 No Content",
        ][number];
        Then::Keep(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes())
    })
    .await;
    let transport = server.transport();
    for status in [301, 404, 500, 204] {
        let reply = transport
            .execute(request(Method::POST, "/x", "{}"))
            .await
            .unwrap();
        assert_eq!(reply.status(), StatusCode::from_u16(status).unwrap());
    }
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_server_that_closes_after_each_reply_answers_twenty_polls() {
    for announces in [true, false] {
        let server = Raw::start(move |_| {
            let close = if announces {
                "connection: close\r\n"
            } else {
                ""
            };
            Then::Close(
                format!("HTTP/1.1 200 OK\r\n{close}content-length: 1\r\n\r\nx").into_bytes(),
            )
        })
        .await;
        let transport = server.transport();
        for poll in 0..20 {
            assert_eq!(fetch(&transport).await.unwrap(), "x", "poll {poll}");
        }
    }
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

#[tokio::test]
async fn a_closed_port_and_an_unknown_host_were_not_sent() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let transport = HyperTransport::builder(format!("http://{closed}"))
        .build()
        .unwrap();
    let error = fetch(&transport).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Refused, Phase::NotSent)
    );
    assert!(
        chain(&error).contains(&closed.to_string()) && chain(&error).contains("refused"),
        "{}",
        chain(&error)
    );

    let transport = HyperTransport::builder("http://no-such-host.invalid:5115")
        .build()
        .unwrap();
    let error = fetch(&transport).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::UnknownHost, Phase::NotSent),
        "{}",
        chain(&error)
    );
    assert!(
        error.to_string().contains("no-such-host.invalid:5115"),
        "{error}"
    );
}

#[tokio::test]
async fn the_deadline_spans_headers_and_body() {
    let table = [
        (Then::Hang(Vec::new()), Phase::MaybeSent),
        (
            Then::Hang(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
            Phase::MaybeSent,
        ),
        (
            Then::Hang(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()),
            Phase::Responded,
        ),
        (
            Then::Flood(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
                b"1\r\nx\r\n".to_vec(),
            ),
            Phase::Responded,
        ),
        (
            Then::Flood(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
            Phase::MaybeSent,
        ),
    ];
    for (then, phase) in table {
        let server = Raw::start(move |_| then.clone()).await;
        let mut request = request(Method::POST, "/x", "{}");
        request.extensions_mut().insert(Timeout(PATIENCE));
        request.extensions_mut().insert(BodyLimit(usize::MAX));
        let transport = server.transport();
        let call = async move { transport.execute(request).await };
        let outcome = let_the_deadline_pass(call, server.has_sent()).await;
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (Kind::TimedOut, phase),
            "{}",
            chain(&error)
        );
    }
}

#[tokio::test]
async fn a_deadline_before_there_is_a_connection_was_not_sent() {
    // The accept queue of the listener is full, and nothing accepts from it.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    // The connection that did not fit is kept, too: it may only be slow, and take a slot of the queue later.
    let _too_many = loop {
        let mut connecting = Box::pin(tokio::net::TcpStream::connect(address));
        match tokio::time::timeout(Duration::from_secs(2), &mut connecting).await {
            Ok(connection) => waiting.push(connection.unwrap()),
            Err(_full) => break connecting,
        }
    };
    let transport = HyperTransport::builder(format!("http://{address}"))
        .build()
        .unwrap();
    for (method, body) in [(Method::POST, "{}"), (Method::DELETE, "")] {
        let mut request = request(method, "/x", body);
        request
            .extensions_mut()
            .insert(Timeout(Duration::from_millis(200)));
        let error = transport.execute(request).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (Kind::TimedOut, Phase::NotSent),
            "{}",
            chain(&error)
        );
    }
}

#[tokio::test]
async fn a_body_is_bounded_while_it_streams() {
    let large = "x".repeat(5 << 20);
    let table = [
        Then::Flood(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
            format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes(),
        ),
        Then::Hang(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n".to_vec()),
        Then::Keep(ok(&large)),
    ];
    for then in table {
        let server = Raw::start(move |_| then.clone()).await;
        let mut request = get("/x");
        request.extensions_mut().insert(BodyLimit(1 << 20));
        let error = server.transport().execute(request).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (Kind::BodyTooLarge, Phase::Responded),
            "{}",
            chain(&error)
        );
    }
    let server = Raw::start(move |_| Then::Keep(ok(&large))).await;
    let mut request = get("/x");
    request.extensions_mut().insert(BodyLimit(8 << 20));
    assert_eq!(
        server
            .transport()
            .execute(request)
            .await
            .unwrap()
            .body()
            .len(),
        5 << 20,
        "a good list of 5 MiB"
    );
}

#[tokio::test]
async fn a_reply_that_breaks_off_was_answered() {
    let server =
        Raw::start(|_| Then::Close(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()))
            .await;
    let error = server
        .transport()
        .execute(request(Method::POST, "/x", "{}"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Closed, Phase::Responded),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn what_is_compressed_is_refused_with_its_encoding() {
    let server = Raw::start(|number| {
        let encoding = ["gzip", "identity"][number];
        Then::Keep(
            format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: 1\r\n\r\nx"
            )
            .into_bytes(),
        )
    })
    .await;
    let error = fetch(&server.transport()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::ContentEncoding, Phase::Responded)
    );
    assert!(error.to_string().contains("gzip"), "{error}");
    assert_eq!(fetch(&server.transport()).await.unwrap(), "x");
}

#[tokio::test]
async fn what_is_not_http_is_named_so() {
    let server = Raw::start(|_| Then::Close(b"220 smtp ready\r\n".to_vec())).await;
    let error = server
        .transport()
        .execute(request(Method::POST, "/x", "{}"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol, "{}", chain(&error));
    assert_ne!(error.phase(), Phase::NotSent);
}

#[tokio::test]
async fn headers_without_end_do_not_grow_memory() {
    let server = Raw::start(|_| {
        Then::Flood(
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            b"x-more: and more and more and more\r\n".to_vec(),
        )
    })
    .await;
    let error = server
        .transport()
        .execute(request(Method::POST, "/x", "{}"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::HeadTooLarge, "{}", chain(&error));
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

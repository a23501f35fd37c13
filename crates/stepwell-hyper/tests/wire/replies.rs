//! The outcome of every kind of reply.

use http::{Method, StatusCode};
use stepwell_transport::{BodyLimit, Phase, Transport as _, TransportErrorKind as Kind};

use crate::support::{Raw, Then, chain, fetch, get, ok, request};

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

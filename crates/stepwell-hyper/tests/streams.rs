//! Replies that are read piece by piece.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use http::StatusCode;
use stepwell_hyper::HyperTransport;
use stepwell_transport::{
    BodyLimit, Phase, StreamedBody, Timeout, Transport as _, TransportErrorKind as Kind,
};
use support::{PATIENCE, Raw, Then, get, let_the_deadline_pass, ok};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::timeout,
};

const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

async fn rest(body: &mut StreamedBody) -> String {
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await.unwrap() {
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_piece_is_there_when_it_has_come_and_the_deadline_is_for_the_head_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (go_on, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        support::read(&mut connection).await.unwrap();
        let first = format!("{HEAD}3\r\none\r\n");
        connection.write_all(first.as_bytes()).await.unwrap();
        told.await.unwrap();
        connection
            .write_all(b"3\r\ntwo\r\n0\r\ntrailer: x\r\n\r\n")
            .await
            .unwrap();
    });
    let transport = HyperTransport::builder(format!("http://{address}"))
        .build()
        .unwrap();
    let mut request = get("/output");
    request.extensions_mut().insert(Timeout(PATIENCE));
    // It does not apply to the body of a 2xx reply.
    request.extensions_mut().insert(BodyLimit(1));
    let reply = transport.execute_streamed(request).await.unwrap();
    let mut body = reply.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "one");
    tokio::time::pause();
    let past_the_deadline = timeout(PATIENCE * 2, body.next());
    assert!(past_the_deadline.await.is_err());
    tokio::time::resume();
    go_on.send(()).unwrap();
    assert_eq!(rest(&mut body).await, "two");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_with_the_deadline() {
    let server = Raw::start(|_| Then::Hang(Vec::new())).await;
    let mut request = get("/output");
    request.extensions_mut().insert(Timeout(PATIENCE));
    let transport = server.transport();
    let call = async move { transport.execute_streamed(request).await };
    let outcome = let_the_deadline_pass(call, server.has_sent()).await;
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::TimedOut, Phase::MaybeSent)
    );
}

#[tokio::test]
async fn a_refusal_is_read_whole_and_within_its_limit() {
    let server = Raw::start(|number| {
        let head = "HTTP/1.1 400 Bad Request\r\ncontent-length: 8\r\n\r\n";
        match number {
            0 | 1 => Then::Keep(format!("{head}not yet!").into_bytes()),
            _ => Then::Hang(format!("{head}not").into_bytes()),
        }
    })
    .await;
    let transport = server.transport();
    let reply = transport.execute_streamed(get("/output")).await.unwrap();
    assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
    let mut body = reply.into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "not yet!");
    assert!(body.next().await.unwrap().is_none());

    let mut small = get("/output");
    small.extensions_mut().insert(BodyLimit(7));
    let error = transport.execute_streamed(small).await.unwrap_err();
    assert_eq!(error.kind(), Kind::BodyTooLarge);

    let mut short = get("/output");
    short.extensions_mut().insert(Timeout(PATIENCE));
    let call = async move { transport.execute_streamed(short).await };
    let outcome = let_the_deadline_pass(call, server.has_sent()).await;
    let error = outcome.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::TimedOut, Phase::Responded)
    );
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so_once() {
    let broken = [
        (format!("{HEAD}3\r\none\r\n"), Kind::Closed),
        (format!("{HEAD}3\r\none\r\nno length\r\n"), Kind::Protocol),
    ];
    for (bytes, kind) in broken {
        let server = Raw::start(move |_| Then::Close(bytes.clone().into_bytes())).await;
        let transport = server.transport();
        let reply = transport.execute_streamed(get("/output")).await.unwrap();
        let mut body = reply.into_body();
        assert_eq!(body.next().await.unwrap().unwrap(), "one");
        let error = body.next().await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Responded));
        assert!(body.next().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_compressed_stream_is_refused() {
    let server = Raw::start(|_| {
        Then::Hang(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n"
                .to_vec(),
        )
    })
    .await;
    let transport = server.transport();
    let error = transport
        .execute_streamed(get("/output"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::ContentEncoding);
}

#[tokio::test]
async fn a_stream_that_is_dropped_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        support::read(&mut connection).await.unwrap();
        let first = format!("{HEAD}3\r\none\r\n");
        connection.write_all(first.as_bytes()).await.unwrap();
        connection.read(&mut [0]).await
    });
    let transport = HyperTransport::builder(format!("http://{address}"))
        .build()
        .unwrap();
    let reply = transport.execute_streamed(get("/output")).await.unwrap();
    let mut body = reply.into_body();
    body.next().await.unwrap();
    drop(body);
    let end = timeout(PATIENCE, server).await.unwrap();
    // The connection ends or is reset, and nothing more is sent.
    assert_eq!(end.unwrap().unwrap_or(0), 0);
}

#[tokio::test]
async fn streams_leave_the_permits_to_other_requests() {
    let server = Raw::start(|number| match number {
        0..3 => Then::Hang(HEAD.as_bytes().to_vec()),
        _ => Then::Keep(ok("well")),
    })
    .await;
    let transport = HyperTransport::builder(format!("http://{}", server.address))
        .requests_at_once(1)
        .build()
        .unwrap();
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(transport.execute_streamed(get("/output")).await.unwrap());
    }
    let reply = timeout(PATIENCE, transport.execute(get("/short")));
    assert_eq!(reply.await.unwrap().unwrap().body(), "well");
    drop(streams);
}

//! Servers that cannot be reached, or do not answer in time.

use std::time::Duration;

use http::Method;
use stepwell_hyper::HyperTransport;
use stepwell_transport::{BodyLimit, Phase, Timeout, Transport as _, TransportErrorKind as Kind};

use crate::support::{PATIENCE, Raw, Then, chain, fetch, let_the_deadline_pass, request};

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

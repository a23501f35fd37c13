//! The request: servers that do not read it, answer before they have read it or redirect it, and a client that stops halfway.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, header};
use stepwell_hyper::HyperTransport;
use stepwell_transport::{Phase, Token, Transport as _, TransportErrorKind as Kind};
use tokio::sync::Notify;

use crate::{
    check::{DEADLINE, answer_and_serve, replies, send, send_past_the_deadline, times_out, write},
    server::{Act, Hostile},
    support::{chain, get, ok, request},
};

/// More than the kernel buffers for a server that does not read.
fn large_write() -> Request<Bytes> {
    Request::post("/api/v1/pipelines")
        .body(Bytes::from(vec![b'x'; 32 << 20]))
        .unwrap()
}

#[tokio::test]
async fn a_deadline_closes_the_connection_in_every_phase() {
    let head = "HTTP/1.1 200 OK\r\ncontent-le";
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let until_the_end = "HTTP/1.1 200 OK\r\n\r\nhalf";
    for (sent, phase) in [
        ("", Phase::MaybeSent),
        (head, Phase::MaybeSent),
        (length, Phase::Responded),
        (chunks, Phase::Responded),
        (until_the_end, Phase::Responded),
    ] {
        // There is no connection left for what the server would send later.
        let script = vec![Act::Read, Act::Send(sent.as_bytes().to_vec()), Act::Gone];
        times_out(sent, script, phase).await;
    }
}

#[tokio::test]
async fn a_server_that_reads_a_part_of_the_request_may_have_done_it() {
    for (then, kind) in [(Act::Reset, Kind::Closed), (Act::Hold, Kind::TimedOut)] {
        let server = Hostile::start([vec![Act::Take(1), then]]).await;
        let transport = server.transport();
        let outcome = if kind == Kind::TimedOut {
            send_past_the_deadline(&server, &transport, large_write()).await
        } else {
            send(&transport, large_write(), DEADLINE).await
        };
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.phase()),
            (kind, Phase::MaybeSent),
            "{}",
            chain(&error)
        );
        let reply = send(&transport, get("/x"), DEADLINE).await.unwrap();
        assert_eq!(reply.body(), "well");
        assert_eq!(server.well().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_before_the_request_was_read_is_one() {
    let reply = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n".to_vec();
    let script = vec![Act::Take(1), Act::Send(reply), Act::Hold];
    let server = Hostile::start([script]).await;
    let transport = server.transport();
    let reply = send(&transport, large_write(), DEADLINE).await.unwrap();
    assert_eq!(reply.status(), 413);
    // The rest of the first request is not sent before this one.
    let reply = send(&transport, get("/x"), DEADLINE).await.unwrap();
    assert_eq!(reply.body(), "well");
}

#[tokio::test]
async fn a_redirect_takes_neither_the_request_nor_the_token_elsewhere() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Hostile::start([]).await;
        let script = answer_and_serve(format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
            elsewhere.address
        ));
        let mut server = Hostile::start([script]).await;
        let token: Token = "t0p-s3cret".parse().unwrap();
        let transport = HyperTransport::builder(format!("http://{}", server.address))
            .token(token)
            .build()
            .unwrap();
        let reply = send(&transport, write(), DEADLINE).await.unwrap();
        assert_eq!(reply.status(), status);
        let reply = send(&transport, get("/x"), DEADLINE).await.unwrap();
        assert_eq!(reply.body(), "well");
        drop(transport);
        let received = String::from_utf8(server.report().await.received).unwrap();
        assert_eq!(received.matches("POST ").count(), 1, "{received}");
        assert_eq!(received.matches("Bearer t0p-s3cret").count(), 2);
        assert!(elsewhere.well().is_empty(), "{:?}", elsewhere.well());
    }
}

#[tokio::test]
async fn the_body_is_sent_whole_whatever_length_the_caller_gives() {
    for (name, value) in [
        (header::CONTENT_LENGTH, "1"),
        (header::CONTENT_LENGTH, "99"),
        (header::TRANSFER_ENCODING, "chunked"),
        (header::TRANSFER_ENCODING, "gzip"),
    ] {
        let mut server = Hostile::start([answer_and_serve(ok("done"))]).await;
        let transport = server.transport();
        let mut write = request(Method::POST, "/x", r#"{"name":"p"}"#);
        write.headers_mut().insert(&name, value.parse().unwrap());
        let reply = send(&transport, write, DEADLINE).await;
        assert_eq!(reply.unwrap().body(), "done", "{name}: {value}");
        drop(transport);
        let received = String::from_utf8(server.report().await.received).unwrap();
        assert!(received.contains("content-length: 12\r\n"), "{received}");
        assert!(received.ends_with("\r\n\r\n{\"name\":\"p\"}"), "{received}");
        assert!(!received.contains("transfer-encoding"), "{received}");
    }
}

#[tokio::test]
async fn a_write_that_is_given_up_leaves_nothing_for_the_next_request() {
    let arrived = Arc::new(Notify::new());
    let script = vec![Act::Read, Act::Tell(Arc::clone(&arrived)), Act::Gone];
    let mut server = Hostile::start([script]).await;
    let transport = server.transport();
    tokio::select! {
        outcome = transport.execute(write()) => panic!("nothing answers, and yet {outcome:?}"),
        () = arrived.notified() => {}
    }
    // The connection is closed with the call, not when its timeout ends.
    assert!(!server.report().await.received.is_empty());
    let reply = send(&transport, get("/x"), DEADLINE).await.unwrap();
    assert_eq!(reply.body(), "well");
    assert_eq!(server.well().len(), 1);
}

#[tokio::test]
async fn a_write_whose_runtime_goes_away_is_not_said_to_be_unsent() {
    // A connection is driven by the runtime it was created on. That one is shut down while another one waits for the answer.
    let [pooled, arrived] = [(); 2].map(|()| Arc::new(Notify::new()));
    let script = vec![
        Act::Read,
        Act::Send(ok("first")),
        Act::Read,
        Act::Tell(Arc::clone(&arrived)),
        Act::Gone,
    ];
    let server = Hostile::start([script]).await;
    let transport = server.transport();
    let runtime = std::thread::spawn({
        let (transport, pooled) = (transport.clone(), Arc::clone(&pooled));
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let reply = transport.execute(write()).await.unwrap();
                assert_eq!(reply.body(), "first");
                pooled.notify_one();
                arrived.notified().await;
            });
        }
    });
    pooled.notified().await;
    let error = send(&transport, write(), DEADLINE).await.unwrap_err();
    runtime.join().unwrap();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Canceled, Phase::MaybeSent),
        "{}",
        chain(&error)
    );
    let reply = send(&transport, get("/x"), DEADLINE).await.unwrap();
    assert_eq!(reply.body(), "well");
}

#[tokio::test]
async fn a_good_server_passes_the_same_checks() {
    // This shows that the other tests do not fail because of the checks.
    let script = answer_and_serve(ok("good"));
    let report = replies("good", script, 200, "good").await;
    assert!(report.received.starts_with(b"POST /api/v1/pipelines "));
}

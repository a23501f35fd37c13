//! The connection: resets and ends in every phase, and what they leave for the next request.

use http::Method;
use stepwell_hyper::HyperTransport;
use stepwell_transport::{Phase, TransportErrorKind as Kind};
use tokio::net::TcpListener;

use crate::{
    check::{DEADLINE, fails, play, replies, send, write},
    server::{Act, Hostile},
    support::{chain, get, request},
};

const REPLY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nreal";
const FORGED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";

fn bytes(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_reset_in_any_phase_says_how_far_it_came() {
    let head = "HTTP/1.1 200 OK\r\n";
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let until_the_end = "HTTP/1.1 200 OK\r\n\r\n";
    for (name, acts, phase) in [
        ("first byte", vec![Act::Take(1)], Phase::MaybeSent),
        ("part of the head", vec![Act::Take(20)], Phase::MaybeSent),
        (
            "part of the reply's head",
            vec![Act::Read, bytes(head)],
            Phase::MaybeSent,
        ),
        (
            "the reply's head",
            vec![Act::Read, bytes(length)],
            Phase::Responded,
        ),
        (
            "part of the body",
            vec![Act::Read, bytes(length), bytes("half")],
            Phase::Responded,
        ),
        (
            "between chunks",
            vec![Act::Read, bytes(chunks), bytes("4\r\nhalf\r\n")],
            Phase::Responded,
        ),
        (
            "within a chunk",
            vec![Act::Read, bytes(chunks), bytes("4\r\nha")],
            Phase::Responded,
        ),
        (
            "before the last line",
            vec![Act::Read, bytes(chunks), bytes("4\r\nhalf\r\n0\r\n")],
            Phase::Responded,
        ),
        // The end of the connection would end this body; a reset does not.
        (
            "a body without a length",
            vec![Act::Read, bytes(until_the_end), bytes("half")],
            Phase::Responded,
        ),
    ] {
        let script = [acts, vec![Act::Reset]].concat();
        fails(name, script, Kind::Closed, phase).await;
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_request_was_read_is_never_an_answer() {
    // Whether the client notices before it writes is a race; `play` compares what it reports with what arrived.
    for round in 0..30 {
        for script in [
            vec![Act::Reset],
            vec![],
            vec![Act::HalfClose, Act::Gone],
            vec![Act::Take(1)],
        ] {
            let name = format!("{script:?} in round {round}");
            let (outcome, _) = play(script).await;
            // The client may send a request that it has not written on another connection.
            if let Err(error) = outcome {
                assert_eq!(error.kind(), Kind::Closed, "{name}: {}", chain(&error));
                assert_ne!(error.phase(), Phase::Responded, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_has_said_its_last_word_and_still_reads_did_not_answer() {
    let script = vec![Act::Read, Act::HalfClose, Act::Gone];
    fails("nothing", script, Kind::Closed, Phase::MaybeSent).await;
    let head = bytes("HTTP/1.1 200 OK\r\ncontent-le");
    let script = vec![Act::Read, head, Act::HalfClose, Act::Gone];
    fails("a part", script, Kind::Closed, Phase::MaybeSent).await;
    let script = vec![Act::Read, bytes(REPLY), Act::HalfClose, Act::Gone];
    replies("all", script, 200, "real").await;
}

#[tokio::test]
async fn no_write_of_any_method_is_sent_twice() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for end in [None, Some(Act::Reset)] {
            let script = [Act::Read].into_iter().chain(end).collect();
            let mut server = Hostile::start([script]).await;
            let write = request(method.clone(), "/api/v1/pipelines/p", "{}");
            let error = send(&server.transport(), write, DEADLINE).await;
            let error = error.unwrap_err();
            assert_eq!(
                (error.kind(), error.phase()),
                (Kind::Closed, Phase::MaybeSent)
            );
            assert!(!server.report().await.received.is_empty());
            assert!(server.well().is_empty(), "{method} was sent again");
        }
    }
}

#[tokio::test]
async fn a_read_is_sent_twice_at_most() {
    let scripts = || [vec![Act::Read], vec![Act::Read], vec![Act::Read]];
    let mut server = Hostile::start(scripts()).await;
    let outcome = send(&server.transport(), get("/x"), DEADLINE).await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("without answering"), "{error}");
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Closed, Phase::MaybeSent)
    );
    // The third script is left for this request; after it the server behaves well.
    assert!(!server.report().await.received.is_empty());
    assert!(!server.report().await.received.is_empty());
    let outcome = send(&server.transport(), get("/y"), DEADLINE).await;
    assert_eq!(outcome.unwrap().body(), "well");
    assert!(server.report().await.received.starts_with(b"GET /y "));
}

#[tokio::test]
async fn a_read_that_arrived_is_not_said_to_be_unsent_because_the_server_went_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        // The port is closed before the connection ends, so the second attempt is refused.
        drop(listener);
        crate::support::read(&mut connection).await.unwrap();
    });
    let transport = HyperTransport::builder(url).build().unwrap();
    let error = send(&transport, get("/x"), DEADLINE).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Refused, Phase::MaybeSent),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn garbage_after_a_reply_does_not_answer_the_next_request() {
    for garbage in [FORGED, "\r\n\r\n", "x", "HTTP/1.1 100 Continue\r\n\r\n"] {
        // In one write with the reply.
        let script = vec![Act::Read, bytes(&format!("{REPLY}{garbage}")), Act::Gone];
        replies(garbage, script, 200, "real").await;
        // In a separate write, when the connection is back in the pool.
        let script = vec![Act::Read, bytes(REPLY), bytes(garbage), Act::Gone];
        let mut server = Hostile::start([script]).await;
        let transport = server.transport();
        let reply = send(&transport, write(), DEADLINE).await.unwrap();
        assert_eq!(reply.body(), "real", "{garbage}");
        // The client closes a connection that sends unsolicited bytes.
        server.report().await;
        let reply = send(&transport, write(), DEADLINE).await.unwrap();
        assert_eq!(reply.body(), "well", "{garbage}");
    }
}

#[tokio::test]
async fn a_word_of_farewell_on_an_idle_connection_is_not_an_answer() {
    // Proxies do this: they send an unsolicited reply and close the connection.
    let farewell = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let script = vec![
        Act::Read,
        bytes(REPLY),
        bytes(farewell),
        Act::HalfClose,
        Act::Gone,
    ];
    let mut server = Hostile::start([script]).await;
    let transport = server.transport();
    send(&transport, write(), DEADLINE).await.unwrap();
    server.report().await;
    let reply = send(&transport, write(), DEADLINE).await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), reply.body().as_ref()),
        (200, &b"well"[..])
    );
}

#[tokio::test]
async fn a_reply_before_the_request_does_not_make_it_sent_twice_or_unsent() {
    // In HTTP/1 it can be mistaken for the reply if it crosses the request; it must do no other harm.
    for _round in 0..30 {
        let script = vec![bytes(FORGED), Act::Gone];
        let (outcome, report) = play(script).await;
        match outcome {
            Ok(reply) if reply.body() == "forged" => assert!(!report.received.is_empty()),
            Ok(reply) => assert_eq!(reply.body(), "well"),
            Err(error) => assert_eq!(error.phase(), Phase::NotSent, "{}", chain(&error)),
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_in_the_pool_is_replaced_or_the_write_is_in_doubt() {
    for end in [None, Some(Act::Reset)] {
        for round in 0..30 {
            let script = [Act::Read, bytes(REPLY)].into_iter().chain(end.clone());
            let mut server = Hostile::start([script.collect()]).await;
            let transport = server.transport();
            send(&transport, write(), DEADLINE).await.unwrap();
            // Whether the client has noticed the end is a race, as in production.
            let outcome = send(&transport, write(), DEADLINE).await;
            let arrived = server.well().len();
            match outcome {
                Ok(reply) => assert_eq!((reply.body().as_ref(), arrived), (&b"well"[..], 1)),
                Err(error) => {
                    assert_eq!(error.kind(), Kind::Closed, "{}", chain(&error));
                    assert_eq!((error.phase(), arrived), (Phase::MaybeSent, 0), "{round}");
                }
            }
            server.report().await;
            let reply = send(&transport, get("/x"), DEADLINE).await.unwrap();
            assert_eq!(reply.body(), "well");
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_as_it_was_used_again_leaves_a_write_in_doubt_and_not_a_read()
{
    let script = || vec![Act::Read, bytes(REPLY), Act::Take(1), Act::Reset];
    let server = Hostile::start([script()]).await;
    let transport = server.transport();
    send(&transport, write(), DEADLINE).await.unwrap();
    let error = send(&transport, write(), DEADLINE).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::Closed, Phase::MaybeSent),
        "{}",
        chain(&error)
    );
    assert!(server.well().is_empty(), "it was sent again");

    let server = Hostile::start([script()]).await;
    let transport = server.transport();
    send(&transport, write(), DEADLINE).await.unwrap();
    let reply = send(&transport, get("/x"), DEADLINE).await.unwrap();
    assert_eq!(reply.body(), "well");
}

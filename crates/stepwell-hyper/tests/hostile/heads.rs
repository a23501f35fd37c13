//! The head of the reply: the status line, the headers, and informational replies before it.

use std::time::Duration;

use stepwell_transport::{Phase, TransportErrorKind as Kind};

use crate::{
    check::{answer, answer_and_serve, fails, play, replies, times_out},
    server::Act,
};

#[tokio::test]
async fn a_broken_status_line_is_not_http_and_the_write_may_have_been_done() {
    for line in [
        &b"HTTP/1.1 2x0 OK"[..],
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 1000 OK",
        b"HTTP/1.1 -200 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/0.9 200 OK",
        b"http/1.1 200 OK",
        b"ICY 200 OK",
        b"200 OK",
        b"<!doctype html>",
        b"POST /api/v1/pipelines HTTP/1.1",
        // A TLS alert, and the preface of a server that only speaks HTTP/2.
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    ] {
        let reply = [line, b"\r\ncontent-length: 0\r\n\r\n"].concat();
        fails(
            &line.escape_ascii().to_string(),
            answer(reply),
            Kind::Protocol,
            Phase::Responded,
        )
        .await;
    }
}

#[tokio::test]
async fn broken_headers_are_not_http_and_the_write_may_have_been_done() {
    for header in [
        "no colon",
        ": no name",
        "a name: x",
        "name : x",
        "x: a\0b",
        "x: a\rb",
        "x: folded\r\n over two lines",
        "content-length: -1",
        "content-length: +4",
        "content-length: 0x4",
        "content-length: four",
        "content-length: 4 4",
        "content-length: 4, 5",
        "content-length: 4\r\ncontent-length: 5",
        "content-length: 99999999999999999999999",
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\nwell");
        fails(header, answer(reply), Kind::Protocol, Phase::Responded).await;
    }
    // hyper reports these two as a head that is too large.
    for length in [u64::MAX, u64::MAX - 1] {
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\nwell");
        let script = answer(reply);
        fails("odd length", script, Kind::HeadTooLarge, Phase::Responded).await;
    }
}

#[tokio::test]
async fn what_is_odd_and_allowed_is_a_reply() {
    for head in [
        "HTTP/1.1 200\r\ncontent-length: 4\r\n",
        "HTTP/1.1 200 \r\ncontent-length: 4\r\n",
        "HTTP/1.1 200 d\u{e9}j\u{e0}\r\ncontent-length: 4\r\n",
        "\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n",
        "HTTP/1.1 200 OK\r\nCONTENT-LENGTH:\t4 \r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 4\r\n",
        "HTTP/1.1 200 OK\r\nx: gr\u{fc}\u{df}e\r\ncontent-length: 4\r\n",
        "HTTP/1.1 200 OK\r\nx:\r\nx:\r\ncontent-length: 4\r\n",
    ] {
        let reply = format!("{head}\r\nodd.");
        replies(head, answer_and_serve(reply), 200, "odd.").await;
    }
    let lines = "HTTP/1.1 200 OK\ncontent-length: 4\n\nodd.";
    replies(lines, answer_and_serve(lines), 200, "odd.").await;
    let old = "HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nodd.";
    replies(old, answer(old), 200, "odd.").await;
}

#[tokio::test]
async fn header_values_of_any_bytes_do_not_hurt() {
    let reply =
        b"HTTP/1.1 200 OK\r\nx: \xff\xfe\x80\r\nserver: \xe2\x82\r\ncontent-length: 0\r\n\r\n";
    replies("bytes", answer_and_serve(reply), 200, "").await;
    let reply = b"HTTP/1.1 200 OK\r\ncontent-encoding: \xff\x1b\r\ncontent-length: 0\r\n\r\n";
    let script = answer(reply);
    fails("escape", script, Kind::Protocol, Phase::Responded).await;
}

#[tokio::test]
async fn a_reply_may_have_many_header_fields_and_one_with_too_many_names_the_limit() {
    let reply = |fields: usize| {
        let fields = "x: a\r\n".repeat(fields - 1);
        format!("HTTP/1.1 200 OK\r\n{fields}content-length: 4\r\n\r\nmany")
    };
    for fields in [1, 150, 256] {
        let script = answer_and_serve(reply(fields));
        replies(&fields.to_string(), script, 200, "many").await;
    }
    let (outcome, _) = play(answer(reply(257))).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), Kind::HeadTooLarge, "{error}");
    assert!(error.to_string().contains("256 header fields"), "{error}");
}

#[tokio::test]
async fn a_head_of_any_size_is_read_to_a_bound() {
    let one = format!("x: {}\r\n", "a".repeat(1 << 20));
    let many = "x: a\r\n".repeat(100_000);
    let name = format!("{}: x\r\n", "a".repeat(1 << 20));
    for headers in [one, many, name] {
        let reply = format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n");
        let script = answer(reply);
        fails("large", script, Kind::HeadTooLarge, Phase::Responded).await;
    }
    let reason = format!("HTTP/1.1 200 {}\r\n\r\n", "a".repeat(1 << 20));
    fails(
        "reason",
        answer(reason),
        Kind::HeadTooLarge,
        Phase::Responded,
    )
    .await;
    // A head without an end and without a line break.
    let script = vec![Act::Read, Act::Flood(vec![b'a'; 1 << 16], 1 << 10)];
    fails("no line", script, Kind::Protocol, Phase::Responded).await;
    let head = Act::Send(b"HTTP/1.1 200 ".to_vec());
    let script = vec![Act::Read, head, Act::Flood(vec![b'a'; 1 << 16], 1 << 10)];
    let report = fails("no end", script, Kind::HeadTooLarge, Phase::Responded).await;
    assert!(report.sent < 32 << 20, "the client took {}", report.sent);
}

#[tokio::test]
async fn informational_replies_are_passed_over() {
    let reply = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
                 HTTP/1.1 103 Early Hints\r\nlink: </a>\r\ncontent-length: 9\r\n\r\n\
                 HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\ndone";
    replies("three", answer_and_serve(reply), 201, "done").await;
    // No final reply follows, so the write may have been done.
    let continues = || Act::Send(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec());
    let script = vec![Act::Read, continues()];
    fails("and the end", script, Kind::Closed, Phase::MaybeSent).await;
    let script = vec![Act::Read, continues(), Act::Reset];
    fails("and a reset", script, Kind::Closed, Phase::MaybeSent).await;
}

#[tokio::test]
async fn informational_replies_without_end_end_with_the_deadline() {
    let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n".repeat(100);
    // The flood only ends because the client closes the connection.
    let script = vec![Act::Read, Act::Flood(hints, usize::MAX)];
    times_out("hints", script, Phase::MaybeSent).await;
}

#[tokio::test]
async fn another_protocol_is_a_status_and_its_connection_is_not_used_again() {
    let reply = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
    replies("upgrade", answer(reply), 101, "").await;
}

#[tokio::test]
async fn a_head_at_a_trickle_is_read_until_the_deadline() {
    let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow".to_vec();
    let script = vec![
        Act::Read,
        Act::Trickle(reply.clone(), Duration::from_millis(1)),
        Act::Serve,
    ];
    let (outcome, _) = play(script).await;
    assert_eq!(outcome.unwrap().body(), "slow");
    // Bytes keep arriving, but the head is never complete.
    let script = vec![
        Act::Read,
        Act::Trickle(reply, Duration::from_millis(50)),
        Act::Gone,
    ];
    times_out("slow", script, Phase::MaybeSent).await;
}

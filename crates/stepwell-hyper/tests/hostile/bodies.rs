//! The body of the reply: its length, its chunks, its encodings, and how much of it is read.

use std::time::Duration;

use stepwell_transport::{Phase, TransportErrorKind as Kind};

use crate::{
    check::{LIMIT, answer, answer_and_serve, fails, play, replies, times_out},
    server::Act,
};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const UNTIL_THE_END: &str = "HTTP/1.1 200 OK\r\n\r\n";

fn chunked(body: &str) -> String {
    format!("{CHUNKED}{body}")
}

#[tokio::test]
async fn broken_chunks_are_not_http_and_the_write_was_answered() {
    for body in [
        "zz\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        "\r\n\r\n",
        "1 1\r\nx\r\n0\r\n\r\n",
        "1\rx\r\n0\r\n\r\n",
        "4\r\nhalfhalf\r\n0\r\n\r\n",
        "4\r\nhalf0\r\n\r\n",
        // A length that does not fit into 64 bits.
        "10000000000000000\r\nx",
        "11111111111111111111111111111111\r\nx",
    ] {
        let script = answer(chunked(body));
        fails(body, script, Kind::Protocol, Phase::Responded).await;
        // A good chunk before it makes no difference.
        let script = answer(chunked(&format!("4\r\ngood\r\n{body}")));
        fails(body, script, Kind::Protocol, Phase::Responded).await;
    }
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_no_reply() {
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhalf".to_owned(),
        "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhalf".to_owned(),
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhalf".to_owned(),
        chunked(""),
        chunked("4"),
        chunked("4\r\n"),
        chunked("4\r\nha"),
        chunked("4\r\nhalf"),
        chunked("4\r\nhalf\r\n"),
        chunked("4\r\nhalf\r\n0"),
        chunked("4\r\nhalf\r\n0\r\n"),
        chunked("4\r\nhalf\r\n0\r\nx: a"),
        chunked("4\r\nhalf\r\n0\r\nx: a\r\n"),
    ] {
        for end in [None, Some(Act::HalfClose)] {
            let mut script = vec![Act::Read, Act::Send(reply.clone().into_bytes())];
            // The server can still read, and the client must not wait for it to close the other side.
            script.extend(end.into_iter().flat_map(|end| [end, Act::Gone]));
            fails(&reply, script, Kind::Closed, Phase::Responded).await;
        }
    }
}

#[tokio::test]
async fn a_body_of_any_shape_is_a_reply() {
    for body in [
        "4\r\nwhat\r\n0\r\n\r\n",
        "1\r\nw\r\n3\r\nhat\r\n0\r\n\r\n",
        "004\r\nwhat\r\n000\r\n\r\n",
        "4;name=value;other=\"quoted\"\r\nwhat\r\n0;x\r\n\r\n",
        // Trailers, one of which would be refused in the head.
        "4\r\nwhat\r\n0\r\nx: a\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n",
    ] {
        replies(body, answer_and_serve(chunked(body)), 200, "what").await;
    }
    let closed = |head: &str| vec![Act::Read, Act::Send(format!("{head}what").into_bytes())];
    replies("end", closed(UNTIL_THE_END), 200, "what").await;
    replies("1.0", closed("HTTP/1.0 200 OK\r\n\r\n"), 200, "what").await;
    let mut half_closed = closed(UNTIL_THE_END);
    half_closed.extend([Act::HalfClose, Act::Gone]);
    replies("half-closed", half_closed, 200, "what").await;
    // A create may be answered with an empty body.
    let empty = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    replies("empty", answer_and_serve(empty), 200, "").await;
    replies("empty", answer_and_serve(chunked("0\r\n\r\n")), 200, "").await;
}

#[tokio::test]
async fn chunks_count_where_a_length_is_given_too() {
    for headers in [
        "content-length: 2\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 99",
        "transfer-encoding: Chunked\r\ncontent-length: 0",
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
        let good = answer_and_serve(format!("{head}4\r\nwhat\r\n0\r\n\r\n"));
        replies(headers, good, 200, "what").await;
        // A body that follows the length instead is not chunked.
        let bad = answer(format!("{head}what"));
        fails(headers, bad, Kind::Protocol, Phase::Responded).await;
    }
}

#[tokio::test]
async fn what_is_compressed_in_any_way_is_refused() {
    for headers in [
        "content-encoding: gzip",
        "content-encoding: GZIP",
        "content-encoding: identity\r\ncontent-encoding: gzip",
        "content-encoding: identity, br",
        "content-encoding: zstd, identity",
        "transfer-encoding: gzip",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: gzip\r\ntransfer-encoding: chunked",
        "transfer-encoding: deflate, chunked\r\ncontent-encoding: identity",
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n2\r\n\x1f\x0b\r\n0\r\n\r\n");
        // A complete reply leaves the connection usable.
        let script = answer_and_serve(reply);
        fails(headers, script, Kind::ContentEncoding, Phase::Responded).await;
    }
    for headers in [
        "content-encoding: identity",
        "content-encoding: Identity , identity",
        "content-encoding:",
    ] {
        let reply = format!("HTTP/1.1 200 OK\r\n{headers}\r\ncontent-length: 4\r\n\r\nwhat");
        replies(headers, answer_and_serve(reply), 200, "what").await;
    }
}

#[tokio::test]
async fn a_refused_reply_leaves_nothing_for_the_next_request() {
    // The body is read together with the head, so the connection may be reused.
    let reply =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00";
    let script = answer_and_serve(reply);
    fails("whole", script, Kind::ContentEncoding, Phase::Responded).await;
    // The rest of the body would arrive while the next request waits for its reply.
    let head = Act::Send(
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 400\r\n\r\n".to_vec(),
    );
    let script = vec![Act::Read, head, Act::Gone];
    fails("rest", script, Kind::ContentEncoding, Phase::Responded).await;
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    for (size, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let body = "x".repeat(size);
        let (first, second) = body.split_at(LIMIT / 2);
        for (reply, serves) in [
            (
                format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n{body}"),
                true,
            ),
            (
                chunked(&format!(
                    "{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
                    first.len(),
                    second.len()
                )),
                true,
            ),
            (format!("{UNTIL_THE_END}{body}"), false),
        ] {
            let mut script = vec![Act::Read, Act::Send(reply.into_bytes())];
            script.extend(serves.then_some(Act::Serve));
            if fits {
                let (outcome, _) = play(script).await;
                assert_eq!(outcome.unwrap().body().len(), size);
            } else {
                fails("larger", script, Kind::BodyTooLarge, Phase::Responded).await;
            }
        }
    }
}

#[tokio::test]
async fn a_body_without_end_is_read_to_the_limit() {
    let block = vec![b'x'; 1 << 16];
    for (head, again) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n".to_owned(),
            block.clone(),
        ),
        (UNTIL_THE_END.to_owned(), block.clone()),
        (chunked("fffffffffffffff0\r\n"), block.clone()),
        (
            chunked(""),
            [b"1000\r\n", &block[..0x1000], b"\r\n"].concat(),
        ),
    ] {
        let flood = Act::Flood(again, 1 << 10);
        let script = vec![Act::Read, Act::Send(head.clone().into_bytes()), flood];
        let report = fails(&head, script, Kind::BodyTooLarge, Phase::Responded).await;
        // The kernel buffers some of it.
        assert!(report.sent < 32 << 20, "the client took {}", report.sent);
    }
}

#[tokio::test]
async fn what_is_no_body_and_has_no_end_is_read_to_a_bound() {
    for (body, again) in [
        // Extensions of one chunk and of many, trailers of one line and of many.
        ("1;", "x".repeat(1 << 16)),
        (
            "",
            "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n".repeat(1 << 11),
        ),
        ("0\r\nx: ", "x".repeat(1 << 16)),
        ("0\r\n", "x: a\r\n".repeat(1 << 13)),
    ] {
        let flood = Act::Flood(again.into_bytes(), 1 << 9);
        let script = vec![Act::Read, Act::Send(chunked(body).into_bytes()), flood];
        let report = fails(body, script, Kind::Protocol, Phase::Responded).await;
        assert!(report.sent < 32 << 20, "the client took {}", report.sent);
    }
}

#[tokio::test]
async fn a_body_at_a_trickle_is_read_until_the_deadline() {
    let trickle = |pause| Act::Trickle(b"4\r\nslow\r\n0\r\nx: a\r\n\r\n".to_vec(), pause);
    let head = || Act::Send(CHUNKED.as_bytes().to_vec());
    let script = vec![
        Act::Read,
        head(),
        trickle(Duration::from_millis(1)),
        Act::Serve,
    ];
    replies("slow", script, 200, "slow").await;
    let script = vec![
        Act::Read,
        head(),
        trickle(Duration::from_millis(50)),
        Act::Gone,
    ];
    times_out("slower", script, Phase::Responded).await;
}

#[tokio::test]
async fn a_body_where_none_may_be_does_not_answer_the_next_request() {
    let forged = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
    for status in ["204 No Content", "304 Not Modified"] {
        let length = forged.len();
        let reply = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{forged}");
        let code = status[..3].parse().unwrap();
        replies(status, answer(reply), code, "").await;
    }
}

//! How much memory a reply takes. The tests have a process of their own and run one at a time, because they measure the memory of the
//! whole process.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use peak_alloc::PeakAlloc;
use stepwell_transport::{BodyLimit, Timeout, Transport as _, TransportErrorKind as Kind};
use support::{PATIENCE, Raw, Then, alone, get, let_the_deadline_pass};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The peak of the allocated memory since this value was created, less what was allocated then.
struct Growth(usize);

impl Growth {
    fn since_now() -> Self {
        MEMORY.reset_peak_usage();
        Self(MEMORY.current_usage())
    }

    fn kib(&self) -> usize {
        MEMORY.peak_usage().saturating_sub(self.0) >> 10
    }
}

#[test]
fn a_body_in_tiny_chunks_takes_no_more_memory_than_in_one() {
    alone(async {
        let server = Raw::start(|_| {
            Then::Flood(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
                b"1\r\nx\r\n".repeat(1 << 10),
            )
        })
        .await;
        let transport = server.transport();
        let limited = async |limit| {
            let mut request = get("/x");
            request.extensions_mut().insert(BodyLimit(limit));
            let error = transport.execute(request).await.unwrap_err();
            assert_eq!(error.kind(), Kind::BodyTooLarge);
        };
        // The first request allocates what is needed once.
        limited(1 << 10).await;
        let growth = Growth::since_now();
        limited(1 << 18).await;
        // If the frames were collected, each byte would take a handle of 32 bytes and 6 bytes of its buffer: about 10 MiB.
        let kib = growth.kib();
        assert!(kib < 3 << 10, "{kib} KiB for a quarter of a MiB");
    });
}

#[test]
fn a_stream_without_end_takes_no_memory_from_a_reader_that_is_slow() {
    alone(async {
        let piece = vec![b'x'; 1 << 16];
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend(piece);
        chunk.extend(b"\r\n");
        let server = Raw::start(move |_| {
            Then::Flood(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
                chunk.clone(),
            )
        })
        .await;
        let transport = server.transport();
        let reply = transport.execute_streamed(get("/output")).await.unwrap();
        let mut body = reply.into_body();
        let mut read = 0;
        while read < 1 << 20 {
            read += body.next().await.unwrap().unwrap().len();
        }
        let growth = Growth::since_now();
        // First the server could fill a GiB while nothing is read, then the reader drops each piece.
        tokio::time::sleep(Duration::from_millis(500)).await;
        while read < 1 << 28 {
            read += body.next().await.unwrap().unwrap().len();
        }
        let kib = growth.kib();
        assert!(kib < 3 << 10, "{kib} KiB for a quarter of a GiB");
    });
}

const LENGTH: usize = 32 << 20;

/// An allowance for hyper's read buffer, the runtime and the test harness.
const BESIDES: usize = 2 << 20;

fn head() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n").into_bytes()
}

#[test]
fn a_body_of_known_length_takes_its_length() {
    alone(async {
        let server = Raw::start(|_| Then::Flood(head(), vec![b'x'; 1 << 16])).await;
        let transport = server.transport();
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let reply = transport.execute(get("/x")).await.unwrap();
        assert_eq!(reply.body().len(), LENGTH);
        let more = MEMORY.peak_usage().saturating_sub(before + LENGTH);
        assert!(more < BESIDES, "{} KiB more than the body", more >> 10);
    });
}

#[test]
fn a_length_that_is_a_lie_takes_no_more_than_the_limit_and_only_while_the_reply_is_awaited() {
    alone(async {
        let server = Raw::start(|_| Then::Hang([head(), b"x".to_vec()].concat())).await;
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        // The memory is reserved before the bytes arrive, which they never do.
        let call = execute(&server, LENGTH);
        let is_there = async {
            while MEMORY.current_usage() < before + LENGTH {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert_eq!(let_the_deadline_pass(call, is_there).await, Kind::TimedOut);
        let peak = MEMORY.peak_usage();
        assert!(peak < before + LENGTH + BESIDES, "{peak}");
        assert!(MEMORY.current_usage() < before + BESIDES);

        // The announced length is refused.
        MEMORY.reset_peak_usage();
        let kind = execute(&server, LENGTH - 1).await;
        assert_eq!(kind, Kind::BodyTooLarge);
        let peak = MEMORY.peak_usage();
        assert!(peak < before + BESIDES, "{peak}");
    });
}

/// The failure of a request with this body limit.
fn execute(server: &Raw, limit: usize) -> impl Future<Output = Kind> + Send + use<> {
    let transport = server.transport();
    let mut request = get("/x");
    request.extensions_mut().insert(BodyLimit(limit));
    request.extensions_mut().insert(Timeout(PATIENCE));
    async move { transport.execute(request).await.unwrap_err().kind() }
}

//! How much memory a body takes whose length is known. By itself, because what is looked at is the memory of the whole process.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use peak_alloc::PeakAlloc;
use stepwell_transport::{BodyLimit, Timeout, Transport as _, TransportErrorKind as Kind};
use support::{PATIENCE, Raw, Then, alone, get, let_the_deadline_pass};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const LENGTH: usize = 32 << 20;

/// What may be taken besides: what hyper reads into, and what a runtime and the test harness have.
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
        // Its place is there before its bytes are, which do not come.
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

        // Refused by what it says of itself.
        MEMORY.reset_peak_usage();
        let kind = execute(&server, LENGTH - 1).await;
        assert_eq!(kind, Kind::BodyTooLarge);
        let peak = MEMORY.peak_usage();
        assert!(peak < before + BESIDES, "{peak}");
    });
}

/// How a request fails whose reply may be so long.
fn execute(server: &Raw, limit: usize) -> impl Future<Output = Kind> + Send + use<> {
    let transport = server.transport();
    let mut request = get("/x");
    request.extensions_mut().insert(BodyLimit(limit));
    request.extensions_mut().insert(Timeout(PATIENCE));
    async move { transport.execute(request).await.unwrap_err().kind() }
}

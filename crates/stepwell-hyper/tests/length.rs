//! How much memory a body takes whose length is known. By itself, because what is looked at is the memory of the whole process.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use peak_alloc::PeakAlloc;
use stepwell_transport::{BodyLimit, Deadline, Transport as _, TransportErrorKind as Kind};
use support::{Raw, Then, get};
use tokio::sync::Mutex;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

static ALONE: Mutex<()> = Mutex::const_new(());

const LENGTH: usize = 32 << 20;

fn head() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_body_of_known_length_takes_its_length() {
    let _alone = ALONE.lock().await;
    let server = Raw::start(|_| Then::Flood(head(), vec![b'x'; 1 << 16])).await;
    let transport = server.transport();
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let reply = transport.execute(get("/x")).await.unwrap();
    assert_eq!(reply.body().len(), LENGTH);
    let more = MEMORY.peak_usage() - before - LENGTH;
    // The rest is what hyper reads into.
    assert!(more < 2 << 20, "{} KiB more than the body", more >> 10);
}

#[tokio::test]
async fn a_length_that_is_a_lie_takes_no_more_than_the_limit_and_only_while_the_reply_is_awaited() {
    let _alone = ALONE.lock().await;
    let server = Raw::start(|_| Then::Hang([head(), b"x".to_vec()].concat())).await;
    let transport = server.transport();
    let before = MEMORY.current_usage();
    for (limit, kind, least) in [
        (LENGTH, Kind::TimedOut, LENGTH),
        // Refused by what it says of itself.
        (LENGTH - 1, Kind::BodyTooLarge, 0),
    ] {
        MEMORY.reset_peak_usage();
        let mut request = get("/x");
        request.extensions_mut().insert(BodyLimit(limit));
        let soon = std::time::Duration::from_millis(200);
        request.extensions_mut().insert(Deadline(soon));
        let error = transport.execute(request).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        // What the other test has left may go meanwhile.
        let peak = MEMORY.peak_usage() + (1 << 20) - before;
        assert!((least..least + (2 << 20)).contains(&peak), "{peak}");
        assert!(MEMORY.current_usage() < before + (1 << 20));
    }
}

//! How much memory a reply takes. By itself, because what is looked at is the memory of the whole process; and one test at a time.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use stepwell_transport::{BodyLimit, Transport as _, TransportErrorKind as Kind};
use support::{Raw, Then, get};
use tokio::sync::Mutex;

static ALONE: Mutex<()> = Mutex::const_new(());

/// The most memory that this process has had, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_body_in_tiny_chunks_takes_no_more_memory_than_in_one() {
    let _alone = ALONE.lock().await;
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
    // What is needed once does not count.
    limited(1 << 10).await;
    let before = peak();
    limited(1 << 18).await;
    let grown = peak() - before;
    // Kept as they come, each byte would hold a handle of 32 bytes, and the 6 of the buffer that it came in: about 10 MiB.
    assert!(grown < 3 << 10, "{grown} KiB for a quarter of a MiB");
}

#[tokio::test]
async fn a_stream_without_end_takes_no_memory_from_a_reader_that_is_slow() {
    let _alone = ALONE.lock().await;
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
    let before = peak();
    // Nobody reads while the server would fill a GiB, and a reader who reads holds nothing.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    while read < 1 << 28 {
        read += body.next().await.unwrap().unwrap().len();
    }
    let grown = peak() - before;
    assert!(grown < 3 << 10, "{grown} KiB for a quarter of a GiB");
}

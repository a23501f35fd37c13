//! How much memory a reply takes. By itself, because what is looked at is the memory of the whole process; and one test at a time.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use peak_alloc::PeakAlloc;
use stepwell_transport::{BodyLimit, Transport as _, TransportErrorKind as Kind};
use support::{Raw, Then, alone, get};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most that was allocated since this was made, beyond what was allocated then.
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
        // What is needed once does not count.
        limited(1 << 10).await;
        let growth = Growth::since_now();
        limited(1 << 18).await;
        // Kept as they come, each byte would hold a handle of 32 bytes, and the 6 of the buffer that it came in: about 10 MiB.
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
        // Nobody reads while the server would fill a GiB, and a reader who reads holds nothing.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        while read < 1 << 28 {
            read += body.next().await.unwrap().unwrap().len();
        }
        let kib = growth.kib();
        assert!(kib < 3 << 10, "{kib} KiB for a quarter of a GiB");
    });
}

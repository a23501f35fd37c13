//! The body of a request, which records whether anything of the request was written.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

const OPEN: u8 = 0;
const WRITING: u8 = 1;
const CLOSED: u8 = 2;

/// Decides between the connection that begins to write a request and the transport that gives it up: the first one wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteGate(Arc<AtomicU8>);

impl WriteGate {
    /// Closes the gate. `true` if nothing of the request was written, in which case nothing will be; `false` if writing has begun.
    pub(crate) fn close(&self) -> bool {
        self.move_on(OPEN, CLOSED).is_ok()
    }

    /// Begins to write. `false` if the gate is closed.
    fn enter(&self) -> bool {
        match self.move_on(OPEN, WRITING) {
            Ok(_) => true,
            Err(state) => state == WRITING,
        }
    }

    fn move_on(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// The body of a request. hyper asks it for its length before it writes the head, and only once it has a connection.
#[derive(Debug)]
pub(crate) struct RequestBody {
    body: Full<Bytes>,
    gate: WriteGate,
}

impl RequestBody {
    pub(crate) fn new(body: Bytes, gate: WriteGate) -> Self {
        Self {
            body: Full::new(body),
            gate,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = GateClosed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GateClosed>>> {
        if !self.gate.enter() {
            return Poll::Ready(Some(Err(GateClosed)));
        }
        let body = Pin::new(&mut self.body);
        body.poll_frame(context)
            .map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
    }

    fn is_end_stream(&self) -> bool {
        self.gate.enter() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.gate.enter() {
            self.body.size_hint()
        } else {
            // With a length of zero hyper would write the head as the whole request. Without a length it asks for a frame first, and gets
            // an error.
            SizeHint::default()
        }
    }
}

/// The request was cancelled before anything of it was written.
#[derive(Debug)]
pub(crate) struct GateClosed;

impl fmt::Display for GateClosed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the request was cancelled before it was written")
    }
}

impl std::error::Error for GateClosed {}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn gated() -> (RequestBody, WriteGate) {
        let gate = WriteGate::default();
        let body = RequestBody::new(Bytes::from_static(b"{}"), gate.clone());
        (body, gate)
    }

    #[tokio::test]
    async fn nothing_is_written_after_the_gate_is_closed() {
        let (body, gate) = gated();
        assert!(gate.close());
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), None);
        assert!(body.collect().await.is_err());
    }

    /// The gate closes when the connection already has the request, with or without a body.
    #[tokio::test]
    async fn a_connection_writes_nothing_of_a_request_whose_gate_is_closed() {
        use hyper::{Method, Request, client::conn::http1::handshake};
        use hyper_util::rt::TokioIo;
        use tokio::io::AsyncReadExt as _;

        for (method, body) in [
            (Method::POST, "{}"),
            (Method::POST, ""),
            (Method::DELETE, ""),
        ] {
            let (client, mut server) = tokio::io::duplex(1 << 16);
            let (mut sender, connection) = handshake(TokioIo::new(client)).await.unwrap();
            tokio::spawn(connection);
            let gate = WriteGate::default();
            let mut request = Request::new(RequestBody::new(Bytes::from(body), gate.clone()));
            *request.method_mut() = method.clone();
            assert!(gate.close());
            let sent = sender.send_request(request);
            let sent = tokio::time::timeout(std::time::Duration::from_secs(300), sent).await;
            assert!(sent.is_ok_and(|sent| sent.is_err()), "{method} {body}");
            drop(sender);
            let mut written = String::new();
            server.read_to_string(&mut written).await.unwrap();
            assert_eq!(written, "", "{method} {body}");
        }
    }

    #[tokio::test]
    async fn the_gate_cannot_be_closed_while_the_request_is_written() {
        let (body, gate) = gated();
        assert!(!body.is_end_stream());
        assert!(!gate.close());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "{}");
    }
}

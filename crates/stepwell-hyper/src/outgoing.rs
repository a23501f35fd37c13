//! The body of a request, by which is known whether anything of the request was written.

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

const WAITING: u8 = 0;
const WRITING: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Whether a request is being written, or was given up before: one of the two, whichever comes first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate(Arc<AtomicU8>);

impl Fate {
    /// Nothing of the request has been written, and its body will not be.
    pub(crate) fn give_up(&self) -> bool {
        self.leave(WAITING, GIVEN_UP).is_ok()
    }

    /// `false` when it was given up.
    fn begin(&self) -> bool {
        match self.leave(WAITING, WRITING) {
            Ok(_) => true,
            Err(fate) => fate == WRITING,
        }
    }

    fn leave(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// The body of a request on its way. hyper has to ask it for its length before it can write the head, and asks nothing before it has a
/// connection.
#[derive(Debug)]
pub(crate) struct Outgoing {
    body: Full<Bytes>,
    fate: Fate,
}

impl Outgoing {
    pub(crate) fn new(body: Bytes, fate: Fate) -> Self {
        Self {
            body: Full::new(body),
            fate,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        if !self.fate.begin() {
            return Poll::Ready(Some(Err(GivenUp)));
        }
        let body = Pin::new(&mut self.body);
        body.poll_frame(context)
            .map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
    }

    fn is_end_stream(&self) -> bool {
        self.fate.begin() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.fate.begin() {
            self.body.size_hint()
        } else {
            // With a length of none the head would be all of the request, and would leave. So hyper asks for a frame first, and gets an error.
            SizeHint::default()
        }
    }
}

/// The request was given up before anything of it was written.
#[derive(Debug)]
pub(crate) struct GivenUp;

impl fmt::Display for GivenUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the request was given up before it was written")
    }
}

impl std::error::Error for GivenUp {}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn outgoing() -> (Outgoing, Fate) {
        let fate = Fate::default();
        (Outgoing::new(Bytes::from_static(b"{}"), fate.clone()), fate)
    }

    #[tokio::test]
    async fn what_was_given_up_is_never_written() {
        let (outgoing, fate) = outgoing();
        assert!(fate.give_up());
        assert!(!outgoing.is_end_stream());
        assert_eq!(outgoing.size_hint().exact(), None);
        assert!(outgoing.collect().await.is_err());
    }

    /// What another thread finds in the connection's hands at the very moment at which it is given up: with a body or without.
    #[tokio::test]
    async fn nothing_is_written_of_what_was_given_up_in_the_hands_of_a_connection() {
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
            let fate = Fate::default();
            let mut request = Request::new(Outgoing::new(Bytes::from(body), fate.clone()));
            *request.method_mut() = method.clone();
            assert!(fate.give_up());
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
    async fn what_is_being_written_cannot_be_given_up() {
        let (outgoing, fate) = outgoing();
        assert!(!outgoing.is_end_stream());
        assert!(!fate.give_up());
        assert_eq!(outgoing.collect().await.unwrap().to_bytes(), "{}");
    }
}

//! The body of a reply: as it comes, and what can be wrong with it.

use std::error::Error;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use stepwell_transport::{Phase, Pieces, TransportError, TransportErrorKind};
use tokio::time::Instant;

use crate::classify::classify_body;

/// The frames of a body. hyper reads the connection when it is asked for one, and no further than its buffer.
pub(crate) struct Frames {
    pub(crate) body: Incoming,
    /// Where they come from, for the text of an error.
    pub(crate) place: String,
    pub(crate) started: Instant,
}

impl Pieces for Frames {
    async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        while let Some(frame) = self.body.frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => return Ok(Some(data)),
                // Trailers, which say nothing that is needed.
                Ok(Err(_)) => {}
                Err(error) => return Err(broke_off(error.into(), &self.place, self.started)),
            }
        }
        Ok(None)
    }
}

/// The body of a reply came to no end.
pub(crate) fn broke_off(
    error: Box<dyn Error + Send + Sync>,
    place: &str,
    started: Instant,
) -> TransportError {
    let elapsed = started.elapsed();
    let kind = classify_body(&*error);
    let message = if kind == TransportErrorKind::Protocol {
        format!(
            "the body of the reply of {place} is not HTTP/1; is there a proxy in between that breaks it?"
        )
    } else {
        format!(
            "the reply of {place} broke off after {elapsed:.1?}; is there a proxy in between that gives up?"
        )
    };
    TransportError::new(kind, Phase::Responded, message).with_source(error)
}

/// A compressed body was not asked for, and would reach a parser that cannot read it.
pub(crate) fn refuse_encoding(headers: &HeaderMap, place: &str) -> Result<(), TransportError> {
    // A connection can compress, too; of its encodings only chunks are undone.
    let table = [
        (header::CONTENT_ENCODING, "identity"),
        (header::TRANSFER_ENCODING, "chunked"),
    ];
    for (name, allowed) in table {
        // Either header may come more than once, and each may be a list.
        for value in headers.get_all(name) {
            let refused = value
                .as_bytes()
                .split(|&byte| byte == b',')
                .map(<[u8]>::trim_ascii)
                .any(|encoding| {
                    !encoding.is_empty() && !encoding.eq_ignore_ascii_case(allowed.as_bytes())
                });
            if refused {
                let message = format!(
                    "the reply of {place} is compressed ({}), which was not asked for; is there a proxy in between?",
                    String::from_utf8_lossy(value.as_bytes()).escape_debug()
                );
                return Err(TransportError::new(
                    TransportErrorKind::ContentEncoding,
                    Phase::Responded,
                    message,
                ));
            }
        }
    }
    Ok(())
}

//! The body of a reply: as it comes, and what can be wrong with it.

use std::error::Error;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
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

/// Why a body was not read.
pub(crate) enum ReadError {
    TooLarge,
    BrokeOff(Box<dyn Error + Send + Sync>),
}

/// A body of at most `limit` bytes.
pub(crate) async fn read_whole(body: Incoming, limit: usize) -> Result<Bytes, ReadError> {
    // What it says of itself first: a body of 10^12 bytes is not even begun.
    let length = body.size_hint().exact();
    if body.size_hint().lower() > limit as u64 {
        return Err(ReadError::TooLarge);
    }
    let mut body = Limited::new(body, limit);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            // The whole of it, as with every short reply.
            Ok(Ok(data)) if bytes.is_empty() && length == Some(data.len() as u64) => {
                return Ok(data);
            }
            // Not collected frame by frame: a body in chunks of one byte would take forty times its size.
            Ok(Ok(data)) => {
                if bytes.is_empty() {
                    reserve(&mut bytes, length.unwrap_or_default());
                }
                bytes.extend_from_slice(&data);
            }
            // Trailers, which say nothing that is needed.
            Ok(Err(_)) => {}
            Err(error) if error.is::<LengthLimitError>() => return Err(ReadError::TooLarge),
            Err(error) => return Err(ReadError::BrokeOff(error)),
        }
    }
    Ok(bytes.into())
}

/// Makes room for the whole body, of which something has come: grown by doubling, it would take up to three times its size while it is
/// copied. A length that is a lie takes no more than the limit, as its body would, and what is not written to is mostly not even
/// memory; one that there is no room for is left to come, or not.
fn reserve(bytes: &mut Vec<u8>, said: u64) {
    if let Ok(length) = usize::try_from(said) {
        // Without room it grows as it comes.
        let _ = bytes.try_reserve_exact(length);
    }
}

/// The body of a reply came to no end.
pub(crate) fn broke_off(
    error: Box<dyn Error + Send + Sync>,
    place: &str,
    started: Instant,
) -> TransportError {
    let kind = classify_body(&*error);
    let message = if kind == TransportErrorKind::Protocol {
        format!(
            "the body of the reply of {place} is not HTTP/1; is there a proxy in between that breaks it?"
        )
    } else {
        format!("the reply of {place} was cut off, perhaps by a proxy")
    };
    let broken = TransportError::new(kind, Phase::Responded, message).with_source(error);
    match kind {
        TransportErrorKind::Protocol => broken,
        _ => broken.took(started.elapsed()),
    }
}

/// A compressed body was not asked for, and would reach a parser that cannot read it.
pub(crate) fn refuse_encoding(
    headers: &HeaderMap,
    place: impl FnOnce() -> String,
) -> Result<(), TransportError> {
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
                    "the reply of {} is compressed ({}), which was not asked for; is there a proxy in between?",
                    place(),
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

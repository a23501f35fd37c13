//! The body of a reply.

use std::error::Error;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming};
use stepwell_transport::{Pieces, TransportError};
use tokio::time::Instant;

use crate::describe::ServerName;

/// The frames of a streamed body. hyper reads from the connection only when it is asked for a frame, and only as much as its buffer holds.
pub(crate) struct Frames {
    pub(crate) body: Incoming,
    pub(crate) server: ServerName,
    pub(crate) started: Instant,
}

impl Pieces for Frames {
    async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        while let Some(frame) = self.body.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => return Ok(Some(data)),
                // Trailers are ignored.
                Ok(Err(_)) => {}
                Err(error) => return Err(self.server.broke_off(error.into(), self.started)),
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

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read_whole(body: Incoming, limit: usize) -> Result<Bytes, ReadError> {
    // The announced length is checked first, so that a body of 10^12 bytes is refused at once.
    let length = body.size_hint().exact();
    if body.size_hint().lower() > limit as u64 {
        return Err(ReadError::TooLarge);
    }
    let mut body = Limited::new(body, limit);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            // A short reply is one frame, which is returned without a copy.
            Ok(Ok(data)) if bytes.is_empty() && length == Some(data.len() as u64) => {
                return Ok(data);
            }
            // The frames are copied: collected, a body in chunks of one byte would take forty times its size.
            Ok(Ok(data)) => {
                if bytes.is_empty() {
                    reserve(&mut bytes, length.unwrap_or_default());
                }
                bytes.extend_from_slice(&data);
            }
            // Trailers are ignored.
            Ok(Err(_)) => {}
            Err(error) if error.is::<LengthLimitError>() => return Err(ReadError::TooLarge),
            Err(error) => return Err(ReadError::BrokeOff(error)),
        }
    }
    Ok(bytes.into())
}

/// Reserves memory for the announced length, once some of the body has arrived. A buffer that doubles would take up to three times the size
/// of the body while it is copied. A false length costs no more than the limit, most of it memory that is never touched.
fn reserve(bytes: &mut Vec<u8>, length: u64) {
    if let Ok(length) = usize::try_from(length) {
        // If this fails, the buffer grows as the body arrives.
        let _ = bytes.try_reserve_exact(length);
    }
}

/// Refuses a compressed body, which the parser of the reply could not read.
pub(crate) fn refuse_encoding(
    headers: &HeaderMap,
    server: &ServerName,
) -> Result<(), TransportError> {
    // A transfer encoding can compress, too; hyper decodes only `chunked`.
    let table = [
        (header::CONTENT_ENCODING, "identity"),
        (header::TRANSFER_ENCODING, "chunked"),
    ];
    for (name, allowed) in table {
        // Both headers may be repeated, and each value may be a list.
        for value in headers.get_all(name) {
            let refused = value
                .as_bytes()
                .split(|&byte| byte == b',')
                .map(<[u8]>::trim_ascii)
                .any(|encoding| {
                    !encoding.is_empty() && !encoding.eq_ignore_ascii_case(allowed.as_bytes())
                });
            if refused {
                return Err(server.compressed(value.as_bytes()));
            }
        }
    }
    Ok(())
}

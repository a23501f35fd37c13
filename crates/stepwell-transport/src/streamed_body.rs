use std::{fmt, future::Future, pin::Pin};

use bytes::Bytes;

use crate::TransportError;

/// Gives the body of a reply piece by piece; what a transport implements to stream one.
///
/// The contract:
///
/// - A piece is what came, of any size, cut anywhere.
/// - Nothing is read ahead of who asks but what the connection buffers: a reader that is slow slows the sender down.
/// - It has no deadline: a stream may be quiet for hours. Who cannot wait that long puts a timeout around [`next`](Self::next), which is
///   cancel safe. A peer that is gone without a word is for the transport to notice, as by keepalive.
/// - Dropping it closes the connection, unless the body had ended.
pub trait Pieces: Send + 'static {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the body breaks off; its phase is [`Responded`](crate::Phase::Responded).
    ///
    /// # Cancel safety
    ///
    /// Must be safe: no piece is lost when the future is dropped.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, TransportError>> + Send;
}

/// The body of a reply, read piece by piece: any [`Pieces`], erased.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), stepwell_transport::TransportError> {
/// use bytes::Bytes;
/// use stepwell_transport::StreamedBody;
///
/// let mut body = StreamedBody::whole(Bytes::from_static(b"rows"));
/// assert_eq!(body.next().await?.as_deref(), Some(&b"rows"[..]));
/// assert_eq!(body.next().await?, None);
/// # Ok(())
/// # }
/// ```
pub struct StreamedBody(State);

enum State {
    Whole(Bytes),
    Streamed(Box<dyn DynPieces>),
    Ended,
}

/// The object-safe twin of [`Pieces`].
trait DynPieces: Send {
    fn next_boxed(&mut self) -> BoxedPiece<'_>;
}

type BoxedPiece<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Bytes>, TransportError>> + Send + 'a>>;

impl<T: Pieces> DynPieces for T {
    fn next_boxed(&mut self) -> BoxedPiece<'_> {
        Box::pin(self.next())
    }
}

impl StreamedBody {
    /// A body that comes in pieces.
    pub fn new(pieces: impl Pieces) -> Self {
        Self(State::Streamed(Box::new(pieces)))
    }

    /// A body that is there already, as one piece.
    pub fn whole(body: Bytes) -> Self {
        Self(State::Whole(body))
    }

    /// The next piece; `None` at the end, and after an error. No piece is empty.
    ///
    /// # Errors
    ///
    /// When the body breaks off.
    ///
    /// # Cancel safety
    ///
    /// Safe: no piece is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            let piece = match &mut self.0 {
                State::Ended => return Ok(None),
                State::Whole(body) => Ok(Some(std::mem::take(body))),
                State::Streamed(pieces) => pieces.next_boxed().await,
            };
            // What has ended is let go at once, and its connection with it.
            if matches!(self.0, State::Whole(_)) || !matches!(piece, Ok(Some(_))) {
                self.0 = State::Ended;
            }
            match piece {
                Ok(Some(piece)) if piece.is_empty() => {}
                piece => return piece,
            }
        }
    }
}

impl fmt::Debug for StreamedBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            State::Whole(_) => "StreamedBody(whole)",
            State::Streamed(_) => "StreamedBody(streamed)",
            State::Ended => "StreamedBody(ended)",
        })
    }
}

use std::{fmt, future::Future, pin::Pin};

use bytes::Bytes;

use crate::TransportError;

/// The source of a streamed body, implemented by a transport.
///
/// The contract:
///
/// - A piece is whatever has arrived: it may have any size and end anywhere.
/// - Nothing is read ahead beyond what the connection buffers, so a slow reader slows the sender down.
/// - There is no timeout: a stream may be quiet for hours. A caller that cannot wait puts a timeout around [`next`](Self::next), which is
///   cancel safe. The transport detects a peer that has disappeared, for example by TCP keepalive.
/// - Dropping the source closes the connection, unless the body has ended.
pub trait Pieces: Send + 'static {
    /// Returns the next piece, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Fails if the body breaks off, with the phase [`Responded`](crate::Phase::Responded).
    ///
    /// # Cancel safety
    ///
    /// An implementation must be cancel safe: no piece is lost if the future is dropped.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, TransportError>> + Send;
}

/// The body of a reply, read piece by piece. It is a type-erased [`Pieces`].
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
    /// Creates a body that arrives in pieces.
    pub fn new(pieces: impl Pieces) -> Self {
        Self(State::Streamed(Box::new(pieces)))
    }

    /// Creates a body that is complete, as one piece.
    pub fn whole(body: Bytes) -> Self {
        Self(State::Whole(body))
    }

    /// Returns the next piece, or `None` at the end and after an error. No piece is empty.
    ///
    /// # Errors
    ///
    /// Fails if the body breaks off.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no piece is lost if the future is dropped.
    pub async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            let piece = match &mut self.0 {
                State::Ended => return Ok(None),
                State::Whole(body) => Ok(Some(std::mem::take(body))),
                State::Streamed(pieces) => pieces.next_boxed().await,
            };
            // Drop a body that has ended at once, together with its connection.
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

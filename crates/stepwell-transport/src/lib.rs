//! The transport contract of stepwell: one HTTP request in, one reply out, and a fake for tests.
//!
//! The crate knows nothing about Arroyo. The workflow in `stepwell` depends on [`Transport`] alone, and `stepwell-hyper` implements it on
//! raw hyper. The feature `fake` adds transports for testing code that uses a transport.

mod error;
#[cfg(feature = "fake")]
mod fake;
mod shared;
mod streamed_body;
mod token;
mod transport;
#[doc(hidden)]
pub mod words;

pub use bytes;
pub use http;

pub use error::{Phase, TransportError, TransportErrorKind};
#[cfg(feature = "fake")]
pub use fake::{Expectation, FakeTransport, NeverTransport, RecordedRequest};
pub use shared::SharedTransport;
pub use streamed_body::{Pieces, StreamedBody};
pub use token::{Token, TokenError};
pub use transport::{BodyLimit, Timeout, Transport};

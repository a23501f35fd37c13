//! The transport contract of stepwell: one HTTP request in, one reply out, and a fake for tests.
//!
//! It knows nothing of Arroyo. The workflow in `stepwell` is written against [`Transport`] alone; `stepwell-hyper` implements it on
//! raw hyper, and with the feature `fake` there are transports for tests of code that drives one.

mod contract;
mod error;
#[cfg(feature = "fake")]
mod fake;
mod streamed_body;
mod token;
#[doc(hidden)]
pub mod words;

pub use bytes;
pub use http;

pub use contract::{BodyLimit, SharedTransport, Timeout, Transport};
pub use error::{Phase, TransportError, TransportErrorKind};
#[cfg(feature = "fake")]
pub use fake::{Expectation, FakeTransport, NeverTransport, RecordedRequest};
pub use streamed_body::{Pieces, StreamedBody};
pub use token::{Token, TokenError};

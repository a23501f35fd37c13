//! Other clients that submit pipelines, to compare stepwell with.
//!
//! | peer | what it is |
//! |---|---|
//! | [`Generated`] | a client that `progenitor` generates from the recorded OpenAPI document, with builders, as in `arroyo run` |
//! | [`ByHand`] | a client on reqwest with the structs that it needs, as it could be written in an afternoon |
//!
//! Both implement [`Peer`] and do the same, in either [`Style`]. They are no better than what they stand for: a reply is decoded completely,
//! all pages are collected before they are searched, nothing is settled after a lost reply, and other pipelines are ignored as with
//! `arroyo run --force`. The retries of `arroyo run` are left out, because they cost nothing while nothing fails. Neither has TLS or uses a
//! proxy.

#[cfg(feature = "by-hand")]
mod by_hand;
mod error;
#[cfg(feature = "generated")]
mod generated;
mod peer;
mod style;

#[cfg(feature = "by-hand")]
pub use by_hand::ByHand;
pub use error::{Cause, PeerError};
#[cfg(feature = "generated")]
pub use generated::Generated;
pub use peer::Peer;
pub use style::Style;

//! Other ways to submit a pipeline, for stepwell to be measured against.
//!
//! | peer | what it is |
//! |---|---|
//! | [`Generated`] | a client that `progenitor` generates from the recorded OpenAPI document, with the builders that Arroyo's own has: what `arroyo run` is made of |
//! | [`ByHand`] | a client on reqwest with the structs that it needs, as one would write it in an afternoon |
//!
//! Both are a [`Peer`] and do the same, in either [`Way`]. They are no better than what they stand for: a reply is decoded whole before it is looked at, pages are
//! collected before they are searched, nothing is settled after a lost reply, and with other pipelines there they go on as `arroyo run
//! --force` does. The retries of `arroyo run` are left out, which cost nothing where nothing fails. Neither has TLS, and neither looks for a
//! proxy.

#[cfg(feature = "by-hand")]
mod by_hand;
mod error;
#[cfg(feature = "generated")]
mod generated;
mod peer;
mod way;

#[cfg(feature = "by-hand")]
pub use by_hand::ByHand;
pub use error::{Cause, PeerError};
#[cfg(feature = "generated")]
pub use generated::Generated;
pub use peer::Peer;
pub use way::Way;

//! A minimal HTTP/1 transport on raw hyper for stepwell.
//!
//! [`HyperTransport`] is the contract of [`stepwell_transport::Transport`] and nothing more: no redirects, no cookies, no proxies, no
//! decompression. A deadline covers connecting, headers and body; a body limit is kept while the body comes; a reply
//! without an end is streamed piece by piece; an error says whether
//! the request may have reached the server.

mod alarm;
mod body;
mod builder;
mod classify;
mod connector;
mod outgoing;
mod prepared;
#[cfg(feature = "tls")]
mod tls;
mod transport;

pub use builder::{HyperTransportBuilder, HyperTransportError};
pub use transport::HyperTransport;

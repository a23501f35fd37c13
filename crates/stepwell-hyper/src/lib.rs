//! A minimal HTTP/1 transport on raw hyper for stepwell.
//!
//! [`HyperTransport`] implements the contract of [`stepwell_transport::Transport`] and nothing more: no redirects, cookies, proxies or
//! decompression. The timeout of a request covers connecting, the headers and the body; the body limit is enforced while the body arrives;
//! a reply without an end is streamed; an error says whether the request may have reached the server.

mod body;
mod builder;
mod certificates;
mod classify;
mod client;
mod connector;
mod describe;
mod error;
mod prepare;
mod transport;
mod write_gate;

pub use builder::HyperTransportBuilder;
pub use error::HyperTransportError;
pub use transport::HyperTransport;

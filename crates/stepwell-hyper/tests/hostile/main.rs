//! The transport against servers that do what they should not, on real sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::expect_used, reason = "a test may fail where it stands")]

mod bodies;
mod check;
mod connections;
mod heads;
mod requests;
mod server;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;

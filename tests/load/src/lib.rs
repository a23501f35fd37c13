//! A server for many submissions at once: a control plane behind real sockets, which counts what comes and goes.
//!
//! It is the control plane alone, with workers that do at once what they are told, so that the load is on the library and its transport.

#![allow(missing_docs, reason = "a test crate")]
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::exhaustive_structs,
    reason = "a test may fail where it stands, and nobody depends on it"
)]

mod server;
mod world;

pub use server::Server;
pub use world::{Counts, Shown, World};

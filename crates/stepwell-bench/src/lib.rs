//! The cost of a submission in the client, compared with the alternatives and with the floor of both.
//!
//! `cargo run --profile dist -p stepwell-bench` measures everything in one run and prints the tables of `docs/performance.md`. The server has
//! canned replies and its own process, so that only the client is measured.

#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "only the programs of this package use it"
)]

pub mod client;
pub mod held;
pub mod many;
pub mod measure;
pub mod processes;
#[cfg(feature = "peers")]
pub mod report;
pub mod run;
pub mod server;

//! What a submission costs in the client, beside what people would use instead; and the floor beneath both.
//!
//! `cargo run --profile dist -p stepwell-bench` measures everything in one run and prints the tables of `docs/performance.md`. The server is
//! canned and in a process of its own, so that only the client is measured.

#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "the programs of this package are all that uses it"
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

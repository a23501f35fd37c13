//! What a submission costs in the client, beside what people would use instead; and the floor beneath both.
//!
//! `cargo run --release -p stepwell-bench` measures everything in one run and prints the tables of `docs/performance.md`. The server is
//! canned and in a process of its own, so that only the client is measured.

pub mod client;
pub mod held;
pub mod measure;
pub mod run;
pub mod server;

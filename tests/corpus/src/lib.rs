//! Queries with their input files and their expected results: rows or a refusal. Each is a folder in `queries/`; see the README.

#![allow(missing_docs, reason = "a test crate")]
#![allow(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests may panic, and no other crate depends on this one"
)]

mod query;
mod refusal;
mod refused;
mod rows;

pub use query::{Query, queries};
pub use refusal::Refusal;
pub use refused::{FORBIDDEN, LONGEST, Refused, refused_queries};
pub use rows::{Order, differences, parse};

//! Queries with their input files and with what must come of them: rows, or a refusal. `queries/` has a folder for each; see the README.

#![allow(missing_docs, reason = "a test crate")]
#![allow(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test may fail where it stands, and nobody depends on it"
)]

mod query;
mod refusal;
mod refused;
mod rows;

pub use query::{Query, queries};
pub use refusal::Refusal;
pub use refused::{FORBIDDEN, LONGEST, Refused, refused_queries};
pub use rows::{Order, differences, parse};

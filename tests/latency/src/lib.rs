//! How soon Running is seen, and with how many requests.
//!
//! A start is a script of the states that the server shows over time. It is replayed to the real `wait_until_running` over a transport that
//! follows the script, on a paused clock, so that every figure is reproducible. For comparison, the same starts are polled every 100 ms, and
//! with growing pauses (20 ms, each 1.5 times the last, at most 500 ms).
//!
//! The latency is the time from the moment at which the server shows Running until the poller knows. A request takes the service time, and the
//! server reads the state in the middle of it.

#![cfg(feature = "clock")]
#![allow(missing_docs, reason = "a test crate")]
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "a test may fail where it stands, and no crate depends on it"
)]

mod chance;
mod drawn;
pub mod many;
mod poller;
mod recorded;
mod script;
mod server;
mod tables;
mod tally;

pub use chance::Chance;
pub use drawn::{Draw, Shape, drawn, embedded};
pub use poller::{Poller, Watched, busiest, run};
pub use recorded::{recorded_starts, recorded_stops, within};
pub use script::JobScript;
pub use tables::{crossing, long_start, phases, tables};
pub use tally::Tally;

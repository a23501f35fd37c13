//! How soon Running is seen, and for how many requests.
//!
//! A start is a script: which state the server shows from when on. It is replayed to the real `wait_until_running` over a transport that
//! answers by the script, on a clock that stands still but for the waiting, so that every figure is the same each time. Beside it, on the
//! same starts: looks every 100 ms, and the pauses that the wait had before (20 ms, each 1.5 times the last, 500 ms at most).
//!
//! The latency is the time from the moment at which the server says Running to that at which the poller knows. A request takes the
//! service time; the server looks at the job in the middle of it.

#![cfg(feature = "clock")]
#![allow(missing_docs, reason = "a test crate")]
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "a test may fail where it stands, and nobody depends on it"
)]

mod chance;
mod drawn;
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
pub use script::Script;
pub use tables::{crossing, long_start, phases, tables};
pub use tally::Tally;

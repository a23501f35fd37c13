//! One control plane and many orchestrators that start in the same second, on tokio's paused clock.
//!
//! The submissions are real ones of `stepwell`. The control plane behind their transport is simulated by a queue with a service time for each
//! request and each listed row ([`SimulatedPlane`]). `cargo run --release -p scale --example table` prints the figures of `docs/scale.md`.

#![cfg(feature = "clock")]
#![allow(missing_docs, clippy::missing_panics_doc, reason = "a test crate")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod caller;
mod control_plane;
mod fleet;
mod holdings;
mod load;

pub use control_plane::{Model, SimulatedPlane};
pub use fleet::{Fleet, FleetOutcome, JitterSeeds, Start, TryAgain};
pub use load::Load;

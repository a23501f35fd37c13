//! One control plane and many orchestrators that start in the same second, on tokio's paused clock.
//!
//! The submissions are real ones of `stepwell`; the control plane behind their transport is a queue with a time for each request and
//! each listed row ([`ControlPlane`]). `cargo run --release -p scale --example table` prints the figures of `docs/scale.md`.

#![cfg(feature = "clock")]
// A model is read by who changes it; what it is made of is said where it is.
#![allow(missing_docs, clippy::missing_panics_doc)]
#![allow(clippy::unwrap_used, reason = "a model may fail where it stands")]

mod caller;
mod control_plane;
mod fleet;
mod holdings;
mod load;

pub use control_plane::{ControlPlane, Model};
pub use fleet::{Find, Fleet, Jitter, Outcome, Pace, Start};
pub use load::Load;

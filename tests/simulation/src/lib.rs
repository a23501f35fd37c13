//! Seeded faults against the control plane: what stepwell promises holds whatever the network does.
//!
//! One run is a function of its seed. A control plane, with workers that take their time, stands behind transports that lose, delay,
//! repeat and garble what goes through them; submissions, rivals and a shutdown meet there, on tokio's paused clock.

#![allow(missing_docs, reason = "a test crate")]
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a simulation may fail where it stands"
)]

pub mod fault;
pub mod scenario;
pub mod world;

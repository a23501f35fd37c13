//! Seeded faults against the control plane: what stepwell promises holds whatever the network does.
//!
//! One run is a function of its seed. A control plane, with workers that take their time, stands behind transports that lose, delay,
//! repeat and garble what goes through them; processes with submissions of ours, others, and signals meet there, on tokio's paused clock.
//! The world keeps what really happened, and [`promise`] compares it with what the library said.

#![cfg(feature = "clock")]
#![allow(missing_docs, reason = "a test crate")]
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::exhaustive_structs,
    clippy::struct_excessive_bools,
    clippy::exhaustive_enums,
    reason = "a simulation may fail where it stands, and nobody depends on it"
)]

mod changes;
pub mod diary;
pub mod exchange;
pub mod fault;
mod fleet;
mod follow;
pub mod history;
mod lookup;
pub mod matrix;
pub mod nature;
pub mod network;
pub mod oddity;
pub mod others;
mod process;
pub mod promise;
pub mod purpose;
mod replies;
pub mod scenario;
pub mod story;
pub mod submitter;
pub mod survey;
mod way;
mod workers;
pub mod world;

pub use stepwell_control_plane::testing::Chance;

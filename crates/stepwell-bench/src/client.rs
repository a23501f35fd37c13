//! The clients to measure.

pub mod floor;
pub mod stepwell;

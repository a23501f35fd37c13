//! The clients that are measured, each doing the same.

pub mod floor;
pub mod stepwell;

//! `stepwell run` on the embedded engine.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../support/mod.rs"]
mod support;

mod intent;
mod rows;
mod state;
mod stop;

//! The example `orchestrator` does what it promises, whenever it is killed.

// The lint does not treat helpers shared by tests as test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../crates/stepwell/examples/orchestrator/files.rs"]
mod files;
mod kills;
#[path = "../../../../crates/stepwell/examples/orchestrator/orchestrator.rs"]
mod orchestrator;
mod story;
mod world;

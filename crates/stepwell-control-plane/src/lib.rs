//! The semantics of an Arroyo control plane as a pure state machine: a request in, a reply out, time and ids from outside.
//!
//! [`ControlPlane`] holds pipelines and their jobs. [`handle`](ControlPlane::handle) answers a request of the REST API.
//! [`tick`](ControlPlane::tick) is the controller's regular tick, which moves jobs from state to state and returns commands for the workers
//! ([`Command`]). [`notify`](ControlPlane::notify) applies their reports ([`WorkerEvent`]). There is no I/O, no clock and no randomness, so
//! the same calls always give the same results.
//!
//! Statuses, texts, states and their order match recordings of real servers, 0.16.0-dev and 0.15.0; the [`Generation`] selects one of them.
//! The tests replay every timeline of both recordings.
//!
//! The feature `testing` adds a server for tests: the control plane as a transport, with workers.
//!
//! # Differences from a real server
//!
//! - `limit=4294967295` makes a real server panic; here it is a large limit.
//! - Paths outside of `/api/v1` are 404: there is no web UI.
//! - There are no connection tables, no profiles and no global UDFs: their lists are empty, and none can be created.
//! - Nothing is measured: metrics have no values, and checkpoints list no operators.
//! - The output of previews needs I/O, so its route is answered with `Route not found`. The embedded engine serves it.
//! - A preview does not end by itself.
//! - A stop during Recovering takes effect in the next tick, not at the end of the pause; in 0.15 with threads as workers it has no effect.
//! - A run counts as a restart however long it was healthy; a real server resets the count after two minutes.
//! - A restart, or a change of parallelism, during a periodic checkpoint waits for the checkpoint and does not get stuck.

// A refusal is an ordinary reply here, and replies are created one at a time.
#![allow(clippy::result_large_err)]

mod action;
mod body;
mod command;
mod controller;
mod create;
mod endpoint;
mod environment;
mod generation;
mod history;
mod inspection;
mod options;
mod plane;
mod record;
mod reply;
mod route;
mod shown;
#[cfg(feature = "testing")]
pub mod testing;
mod worker;

pub use command::{Command, WorkerEvent};
pub use environment::{Environment, Plan, PlanFailure};
pub use generation::{Generation, Scheduler};
pub use options::Options;
pub use plane::{Changes, ControlPlane};
pub use record::Record;

//! The semantics of an Arroyo control plane as a pure state machine: request in, reply out, time and ids from outside.
//!
//! [`ControlPlane`] holds pipelines and their jobs. [`handle`](ControlPlane::handle) answers a request of the REST API,
//! [`tick`](ControlPlane::tick) is the controller's regular look, which moves jobs from state to state and says what workers have to do
//! ([`Command`]), and [`notify`](ControlPlane::notify) is told what became of them ([`WorkerEvent`]). There is no I/O, no clock and no
//! chance in it, so one thing follows from another the same way every time.
//!
//! Statuses, texts, states and their order are those that real servers were recorded with, 0.16.0-dev and 0.15.0: which of them it plays is
//! its [`Generation`]. All the timelines of both recordings are replayed by the tests.
//!
//! The feature `testing` adds a server for tests: the control plane as a transport, with workers.
//!
//! # Differences from a real server
//!
//! - `limit=4294967295` makes a real server panic; here it is a large limit.
//! - Paths outside of `/api/v1` are 404: there is no web UI to answer them.
//! - There are no connection tables, no profiles and no global UDFs: their lists are empty, and none can be made.
//! - Nothing is measured: metrics have no values, and checkpoints no operators.
//! - The output of previews has no place in a machine without I/O: `Route not found`. The embedded engine serves it.
//! - A preview does not end by itself.
//! - A stop during Recovering is acted on with the next look, not at the end of the pause; at 0.15 with threads as workers it is not acted on.
//! - However long a run was healthy, it counts as a restart; a real server begins to count anew after two minutes.
//! - A restart, or a change of parallelism, during a periodic checkpoint waits for it and does not get stuck.

// A refusal is an ordinary reply here, and replies are made one at a time.
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

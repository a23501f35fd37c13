//! Runs planned queries: rows come from sources, go through operators, and end in sinks.

mod error;
pub(crate) mod event_time;
mod execution;
mod operators;
mod output;
pub(crate) mod program;
pub(crate) mod short_circuit;
mod sinks;
mod state;
pub(crate) mod step;
mod subtasks;
#[cfg(test)]
mod tests;
pub(crate) mod window;

pub(crate) use self::error::ExecutionError;
pub(crate) use self::execution::Execution;
pub(crate) use self::output::{Dropped, Output, Printed};

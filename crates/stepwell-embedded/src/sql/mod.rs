//! SQL: parsed, planned and type-checked with DataFusion's crates, and run by a small executor of our own.
//!
//! [`plan()`] turns a query into a [`Program`]; a program is run as a number of [`Subtask`]s. A subtask is a loop that its owner drives:
//! [`Subtask::next`] gives the next rows, and between two calls [`Subtask::state`] is exactly the effect of all rows given so far, and of
//! none beyond.

mod catalog;
mod connector;
mod diagnostic;
mod graph;
mod impulse;
mod plan;
mod program;
mod supported;
#[cfg(test)]
mod tests;

use stepwell_arroyo::PipelineGraph;

pub(crate) use plan::plan;
pub(crate) use program::{ExecutionError, Program, Subtask};

/// A planned query.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) graph: PipelineGraph,
    pub(crate) program: Program,
}

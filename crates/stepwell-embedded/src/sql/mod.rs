//! SQL: parsed, planned and type-checked with DataFusion's crates, and run by a small executor of our own.
//!
//! [`plan()`] turns a query into a [`Program`], and a program is run as an [`Execution`]: rows come from sources ([`source`]), go through
//! steps ([`step`]) and windows ([`window`]), and end in sinks ([`sink`]).

mod catalog;
mod columns;
mod compile;
mod connector;
mod diagnostic;
mod event_time;
mod execution;
mod expressions;
mod graph;
mod options;
mod parse;
mod places;
mod plan;
mod program;
mod sink;
mod source;
mod step;
mod supported;
mod table;
#[cfg(test)]
mod tests;
mod tumble;
mod window;
mod words;

use stepwell_arroyo::PipelineGraph;

pub(crate) use execution::{Execution, ExecutionError, Output, Printed};
pub(crate) use plan::plan;
pub(crate) use program::Program;
pub(crate) use source::Dropped;

/// A planned query.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) graph: PipelineGraph,
    pub(crate) program: Program,
}

//! Plans queries: parsed, checked and typed with DataFusion's crates, and compiled to a [`Program`](crate::run::program::Program).

mod analysis;
mod catalog;
mod columns;
mod compile;
pub(crate) mod diagnostic;
mod graph;
mod library_error;
mod locator;
mod parse;
mod planner;
mod query;
pub(crate) mod supported;
mod table;
#[cfg(test)]
mod tests;
mod tokens;
mod tumble;
pub(crate) mod words;

pub(crate) use self::planner::Planner;
#[cfg(test)]
pub(crate) use self::query::plan;

//! An embedded streaming-SQL engine that speaks the REST API of an Arroyo control plane.

mod controller;
mod directory;
mod engine;
mod environment;
mod error;
mod identifiers;
mod planner;
mod rows;
mod server;
mod sql;
mod store;
mod worker;

pub use self::engine::{Engine, EngineBuilder};
pub use self::error::EngineError;

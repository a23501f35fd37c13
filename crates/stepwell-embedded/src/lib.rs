//! An embedded streaming-SQL engine that speaks the REST API of an Arroyo control plane.

mod directory;
mod error;
mod store;

pub use self::error::EngineError;

//! An embedded streaming-SQL engine that speaks the REST API of an Arroyo control plane.
//!
//! [`Engine`] is a control plane and its workers in one process. It answers on a loopback port as an Arroyo does, so a client
//! needs nothing else to be run, shown and tested end to end. What it does not do, a cluster does: it plans a subset of
//! Arroyo's SQL and refuses the rest with a diagnostic that says so.
//!
//! # State
//!
//! All state is in one directory, private to its user and locked while an engine is at work in it: an `SQLite` database with
//! pipelines, jobs and checkpoints. A reply leaves only when what it reports would survive a power cut. After a crash, or
//! [`Engine::close`], the next engine in the directory goes on with what was running.
//!
//! # How often a row is printed
//!
//! Rows that were printed and the state of a checkpoint agree. So a pipeline that is stopped with a checkpoint goes on
//! exactly where it stopped. One that ended in another way goes on from its last checkpoint, and prints what came after it
//! once more: each row at least once. The last few checkpoints are kept; should the newest be damaged, the one before is
//! used, with a warning.
//!
//! # Who can reach it
//!
//! Any program of this machine, but no web page: requests have to name the engine as their host, and a page of another
//! origin is refused. A person's browser is shown the status pages, plain HTML at `/` and `/pipelines/{id}`, also when it
//! follows a link from elsewhere.

mod controller;
mod counters;
mod directory;
mod engine;
mod environment;
mod error;
mod identifiers;
mod outputs;
mod planner;
mod rows;
mod server;
mod sql;
mod store;
mod worker;

pub use self::engine::{Engine, EngineBuilder};
pub use self::error::EngineError;

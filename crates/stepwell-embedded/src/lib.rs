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
//! # Exactness
//!
//! Rows that were written and the state of a checkpoint agree: what is in it was with the reader, or synced, before. So a
//! pipeline that is stopped with a checkpoint goes on exactly where it stopped, its open windows included. One that ended in
//! another way goes on from its last checkpoint.
//!
//! - The file of a sink has each row once: it is cut to the length that the checkpoint knows. A pipeline that starts from the
//!   beginning begins it anew, whatever was in it.
//! - What is printed comes at least once: again from the last checkpoint on, unless the stop took one. Rows that the writer did not
//!   accept are part of the checkpoint, and the next run prints them first.
//!
//! The last few checkpoints are kept; should the newest be damaged, the one before is used, with a warning. Should all be, the
//! job fails, with nothing written, rather than begin anew.
//!
//! # Who can reach it
//!
//! Any program of this machine, but no web page: requests have to name the engine as their host, and a page of another
//! origin is refused. A person's browser is shown the status pages, plain HTML at `/` and `/pipelines/{id}`, also when it
//! follows a link from elsewhere.

mod connector;
mod controller;
mod engine;
mod error;
mod format;
mod limits;
mod page;
mod plan;
mod run;
mod server;
mod store;
mod worker;

pub use self::controller::ResumedPipeline;
pub use self::engine::{Engine, EngineBuilder};
pub use self::error::EngineError;
pub use self::limits::MAX_PARALLELISM;

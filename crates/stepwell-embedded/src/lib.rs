//! An embedded streaming-SQL engine that speaks the REST API of an Arroyo control plane.
//!
//! [`Engine`] is a control plane and its workers in one process. It answers like Arroyo on a loopback port, so a client needs nothing
//! else to be run, demonstrated and tested end to end. It plans a subset of Arroyo's SQL, and refuses the rest with a diagnostic that
//! says whether a cluster supports it.
//!
//! # State
//!
//! All state is in one directory, private to its user and locked while an engine uses it: an `SQLite` database with pipelines, jobs and
//! checkpoints. A reply is sent only once the change that it reports would survive a power cut. After a crash or [`Engine::close`], the
//! next engine in the directory resumes the pipelines that were running.
//!
//! # Exactness
//!
//! A checkpoint agrees with the rows that were written: they have reached the writer, or were synced, before it is stored. So a pipeline
//! that is stopped with a checkpoint resumes exactly where it stopped, with its open windows. Otherwise it resumes from its last
//! checkpoint.
//!
//! - The file of a sink has each row exactly once: it is cut to the length in the checkpoint. A pipeline that starts from the beginning
//!   empties the file first.
//! - Printed rows are printed at least once: those since the last checkpoint are printed again, unless the stop took one. Rows that the
//!   writer did not accept are part of the checkpoint, and the next run prints them first.
//!
//! The last few checkpoints are kept. If the newest is damaged, the one before is used, with a warning. If all are, the job fails without
//! writing anything, rather than starting from the beginning.
//!
//! # Who can reach it
//!
//! Any program on this machine can, but no web page: requests have to name the engine as their host, and a page of another origin is
//! refused. A browser can open the status pages, plain HTML at `/` and `/pipelines/{id}`, also by a link on another site.

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

pub use self::controller::{ResumedPipeline, StateAtRest, StateLook};
pub use self::engine::{Engine, EngineBuilder};
pub use self::error::EngineError;
pub use self::limits::MAX_PARALLELISM;

//! Where a pipeline goes, what became of the search for it, and where it can be looked at.

use std::path::Path;

use stepwell::Difference;

/// Where a pipeline goes.
#[derive(Clone, Debug)]
pub(crate) enum Destination<'a> {
    /// To a server.
    Server(&'a str),
    /// To the embedded engine, with the directory that was asked for.
    Embedded(Option<&'a Path>),
}

/// Where a running pipeline can be looked at.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A server's dashboard.
    Dashboard(String),
    /// The status page of the embedded engine, and the engine's address.
    Engine {
        page: String,
        engine: String,
    },
    Unknown,
}

/// What became of the search for the pipeline.
pub(crate) struct Resolved<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) how: How<'a>,
    pub(crate) differences: &'a [Difference],
}

pub(crate) enum How<'a> {
    Created,
    /// Our create, found again after its reply was lost.
    FoundAgain,
    /// With the state before, where there was a job.
    Resumed(Option<&'a str>),
}

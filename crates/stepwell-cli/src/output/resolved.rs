//! The data of the messages about a pipeline.

use std::path::Path;

use stepwell::observe::Difference;

/// Where a pipeline runs.
#[derive(Clone, Debug)]
pub(crate) enum Destination<'a> {
    /// On a server.
    Server(&'a str),
    /// On the embedded engine, with the state directory if one was given.
    Embedded(Option<&'a Path>),
}

/// Where a running pipeline can be watched.
#[derive(Clone, Debug)]
pub(crate) enum WebPage {
    /// A server's dashboard.
    Dashboard(String),
    /// The status page of the embedded engine, and the engine's address.
    Engine {
        page: String,
        engine: String,
    },
    Unknown,
}

/// The pipeline that was created or resumed.
pub(crate) struct ResolvedPipeline<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) how: How<'a>,
    pub(crate) differences: &'a [Difference],
}

pub(crate) enum How<'a> {
    Created,
    /// Created by this command, and found again after the reply was lost.
    FoundAgain,
    /// Resumed, from this state if there was a job.
    Resumed(Option<&'a str>),
}

//! Stops what was started: see [`Shutdown`].

pub(crate) mod discard;
mod final_checkpoint;
mod panics;
mod policy;
pub(crate) mod registry;
pub(crate) mod report;
mod stop_all;
pub(crate) mod stop_error;
pub(crate) mod stop_pipeline;
pub(crate) mod stop_submission;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

pub use policy::{Escalation, OnShutdown, StopPolicy, StopPolicyBuilder};
use stepwell_arroyo::PipelineId;

pub use report::{ShutdownEnd, ShutdownEntry, ShutdownReport, Unsettled};

/// Shared by any number of submissions: one signal stops them all, with a final checkpoint.
///
/// It is a cheap handle; clones are the same shutdown. A submission receives it when it is built
/// ([`SubmissionBuilder::shutdown`](crate::state::SubmissionBuilder::shutdown)) or attached
/// ([`Submission::attach`](crate::Submission::attach)). From then on the shutdown registers every pipeline before the request that creates
/// or starts it is sent, so it misses none, whenever the signal arrives.
///
/// ```no_run
/// use stepwell::{Shutdown, StopPolicy};
///
/// # async fn example() -> Result<(), stepwell::error::ShutdownError> {
/// let shutdown = Shutdown::new();
/// // … submissions that are given `&shutdown` …
/// let report = shutdown.stop_all(StopPolicy::default()).await?;
/// println!("{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Shutdown {
    pub(crate) registry: Arc<registry::Registry>,
}

impl Shutdown {
    /// A shutdown that has not begun and has no pipelines.
    pub fn new() -> Self {
        Self {
            registry: Arc::new(registry::Registry::new()),
        }
    }

    /// Begins the shutdown: every step of every submission under it ends with [`Error::ShutdownBegun`](crate::Error::ShutdownBegun), and no
    /// new create or resume is sent. Does not stop any pipeline; see [`stop_all`](Self::stop_all), and [`drain`](Self::drain) to leave them.
    pub fn begin(&self) {
        self.registry.begin();
    }

    /// Whether the shutdown has begun.
    pub fn is_begun(&self) -> bool {
        self.registry.is_begun()
    }

    /// The pipelines known at present: those that submissions have created, started or found, and those whose create is under way or in
    /// doubt. Pipelines that may keep running if the process exits without [`stop_all`](Self::stop_all) are among them.
    pub fn pipelines(&self) -> Vec<KnownPipeline> {
        self.registry.pipelines()
    }

    /// Waits until the shutdown begins.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only observes.
    pub async fn begun(&self) {
        self.registry.begun().await;
    }
}

/// A pipeline that a [`Shutdown`] tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownPipeline {
    /// Its name.
    pub name: String,
    /// Its id; `None` while the server is choosing it, or if the reply to its create was lost.
    pub id: Option<PipelineId>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shutdown")
            .field("begun", &self.is_begun())
            .field("pipelines", &self.registry.len())
            .finish()
    }
}

//! Stopping what was started: see [`Shutdown`].

pub(crate) mod discard;
mod final_checkpoint;
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

/// What any number of submissions have in common: one signal stops them all, with a final checkpoint.
///
/// It is a cheap handle; clones are the same shutdown. It is given to a submission when that is built
/// ([`SubmissionBuilder::shutdown`](crate::state::SubmissionBuilder::shutdown)) or attached
/// ([`Submission::attach`](crate::Submission::attach)). From then on it knows of every pipeline before the request that creates or starts
/// it leaves, so a signal at any moment finds it.
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
    /// A shutdown that has not begun and knows of no pipeline.
    pub fn new() -> Self {
        Self {
            registry: Arc::new(registry::Registry::new()),
        }
    }

    /// Begins: every step of every submission under this shutdown ends with [`Error::ShutdownBegun`](crate::Error::ShutdownBegun), and
    /// no new create or resume is sent. Stops nothing yet; see [`stop_all`](Self::stop_all).
    pub fn begin(&self) {
        self.registry.begin();
    }

    /// Whether it has begun.
    pub fn is_begun(&self) -> bool {
        self.registry.is_begun()
    }

    /// The pipelines that it knows of now: those that submissions have made, started or found, and those whose create is under way or
    /// in doubt. What may still be running when the process ends without [`stop_all`](Self::stop_all) is among them.
    pub fn pipelines(&self) -> Vec<KnownPipeline> {
        self.registry.pipelines()
    }

    /// Waits until it begins.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only looks.
    pub async fn begun(&self) {
        self.registry.begun().await;
    }
}

/// A pipeline that a [`Shutdown`] knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownPipeline {
    /// Its name.
    pub name: String,
    /// Its id; `None` while the server is choosing it, or when the reply to its create was lost.
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

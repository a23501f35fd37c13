//! The identity of a pipeline: its id, and how it is found.

use serde::{Deserialize, Serialize};
use stepwell_arroyo::PipelineId;

/// Which id a new pipeline gets.
///
/// A server after 0.15 lets the client choose the id (`PUT /api/v1/pipelines/{id}`) and rejects an id that is already in use. That makes a
/// create safe to repeat, and two orchestrators that submit the same spec at the same time create a single pipeline. Older servers always
/// assign an id themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Identity {
    /// A hash of namespace, name and query: see [`PipelineId::for_spec`].
    FromSpec {
        /// Keeps the ids of one deployment apart from those of another on the same server.
        namespace: String,
    },
    /// Exactly this id. On a server without `PUT`, which assigns ids itself, the pipeline with the same query and name stands for it.
    Given(PipelineId),
    /// The id that the server assigns (`POST /api/v1/pipelines`).
    ServerAssigned,
}

impl Default for Identity {
    fn default() -> Self {
        Self::FromSpec {
            namespace: String::new(),
        }
    }
}

/// How the pipeline of a spec is found.
///
/// Each submission that reads the list costs the server time for every pipeline that it holds. If the spec determines the id, a single
/// request finds the pipeline, however many the server holds.
///
/// ```
/// use stepwell::{PipelineSpec, spec::FindBy};
///
/// let spec = PipelineSpec::builder("SELECT * FROM orders")
///     .find_by(FindBy::Id)
///     .force(true) // reads no other pipelines
///     .build()?;
/// assert_eq!(spec.find_by(), FindBy::Id);
/// # Ok::<(), stepwell::spec::SpecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindBy {
    /// By its query, or by the given id, in the list of all pipelines on the server.
    #[default]
    Query,
    /// By the id of the spec (that of [`Intent::Resume`](crate::spec::Intent::Resume), or the [`Identity`]), regardless of what else is on
    /// the server: the list is not read.
    ///
    /// A pipeline with the same query under a different id is not found, for instance one that was created under another name or namespace,
    /// by another client, or on a server that chose its id. It is neither resumed nor refused, and a second pipeline is created beside it.
    ///
    /// With [`WhenFinished::NewRun`](crate::spec::WhenFinished::NewRun) the runs have ids in a fixed sequence, and the first sixteen are
    /// read; without it, only those up to the first free one. If all sixteen are taken, the list decides.
    ///
    /// Without [`force`](crate::spec::PipelineSpecBuilder::force) the newest pipelines are read before one is created: a few rows of the
    /// list, because one foreign pipeline is enough to refuse.
    ///
    /// A server without `PUT` (up to 0.15) assigns ids itself, so the list decides: the pipeline that has the query and the name stands for
    /// the id. The list also decides before a refusal until the server is known to have `PUT`, from submissions over the same transport or
    /// from an id among the newest pipelines.
    Id,
}

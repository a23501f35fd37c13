//! Which pipeline it is: its id, and by what it is found.

use serde::{Deserialize, Serialize};
use stepwell_arroyo::PipelineId;

/// Which id a new pipeline gets.
///
/// A server after 0.15 lets the client choose (`PUT /api/v1/pipelines/{id}`) and refuses the same id a second time. That makes a
/// create safe to repeat, and two orchestrators that submit one spec at the same time make one pipeline between them. Older servers
/// assign an id themselves, whatever is chosen here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Identity {
    /// A hash of namespace, name and query: see [`PipelineId::for_spec`].
    FromSpec {
        /// Sets the ids of one deployment apart from those of another on the same server.
        namespace: String,
    },
    /// Exactly this id.
    Given(PipelineId),
    /// What the server assigns (`POST /api/v1/pipelines`).
    ServerAssigned,
}

impl Default for Identity {
    fn default() -> Self {
        Self::FromSpec {
            namespace: String::new(),
        }
    }
}

/// By what the pipeline of a spec is found.
///
/// The list costs the server time for each pipeline that it holds, and every submission reads it. Where ids follow from the specs, one
/// request says whether the pipeline is there, however many there are.
///
/// ```
/// use stepwell::{PipelineSpec, spec::FindBy};
///
/// let spec = PipelineSpec::builder("SELECT * FROM orders")
///     .find_by(FindBy::Id)
///     .force(true) // not one look at what else the server holds
///     .build()?;
/// assert_eq!(spec.find_by(), FindBy::Id);
/// # Ok::<(), stepwell::spec::SpecError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindBy {
    /// By its query, or by the id that was given, in the list of all pipelines of the server.
    #[default]
    Query,
    /// By the id that the spec has (that of [`Intent::Resume`](crate::spec::Intent::Resume), or the [`Identity`]), whatever else is on the
    /// server: the list is not read.
    ///
    /// A pipeline with the same query under another id is not looked for: one that was made under another name or namespace, by another
    /// client, or on a server that chose its id. It is neither resumed nor refused, and a second one is created beside it.
    ///
    /// With [`WhenFinished::NewRun`](crate::spec::WhenFinished::NewRun) the runs have ids in a fixed row, and the first sixteen are looked at;
    /// without it, those up to the first that is missing. More than sixteen, and the list decides.
    ///
    /// Without [`force`](crate::spec::PipelineSpecBuilder::force) the newest pipelines are read before one is created: a few rows of the list,
    /// for one that is not ours is enough to refuse.
    ///
    /// A server without `PUT` (up to 0.15) gives ids of its own, so there the list and the query decide, as with [`Query`](Self::Query).
    /// They also do before a refusal, as long as neither the submissions over the transport nor an id among the newest pipelines have shown
    /// that the server has `PUT`.
    Id,
}

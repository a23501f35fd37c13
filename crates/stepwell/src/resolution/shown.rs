use std::hash::{BuildHasher as _, RandomState};

use stepwell_arroyo::{JsonText, Pipeline, PipelineId, PipelineRow};

/// A pipeline as far as a list shows whose it may be.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a PipelineId,
    pub(crate) name: &'a str,
    pub(crate) preview: bool,
    pub(crate) query: ShownQuery<'a>,
}

/// Its query, or what is kept of it.
#[derive(Clone, Copy)]
pub(crate) enum ShownQuery<'a> {
    Exact(&'a str),
    Written(&'a JsonText<'a>),
    /// What this makes of it.
    Hash(u64, &'a RandomState),
}

impl ShownQuery<'_> {
    /// Whether it is this one; by its hash, whether it may be.
    pub(crate) fn is(&self, query: &str) -> bool {
        match self {
            Self::Exact(shown) => *shown == query,
            Self::Written(shown) => **shown == *query,
            Self::Hash(hash, hasher) => *hash == hasher.hash_one(query),
        }
    }
}

impl<'a> From<&'a Pipeline> for Shown<'a> {
    fn from(pipeline: &'a Pipeline) -> Self {
        Self {
            id: &pipeline.id,
            name: &pipeline.name,
            preview: pipeline.preview,
            query: ShownQuery::Exact(&pipeline.query),
        }
    }
}

impl<'a> From<&'a PipelineRow<'_>> for Shown<'a> {
    fn from(row: &'a PipelineRow<'_>) -> Self {
        Self {
            id: &row.id,
            name: &row.name,
            preview: row.preview,
            query: ShownQuery::Written(&row.query),
        }
    }
}

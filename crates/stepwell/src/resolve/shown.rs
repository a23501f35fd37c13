//! A pipeline as far as a list shows whose it may be.

use stepwell_arroyo::{JsonText, Pipeline, PipelineId, PipelineRow};

/// A pipeline as far as a list shows whose it may be.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a PipelineId,
    pub(crate) name: &'a str,
    pub(crate) preview: bool,
    pub(crate) query: ShownQuery<'a>,
}

/// Its query.
#[derive(Clone, Copy)]
pub(crate) enum ShownQuery<'a> {
    Exact(&'a str),
    Written(&'a JsonText<'a>),
}

impl ShownQuery<'_> {
    /// Whether it is this one.
    pub(crate) fn is(&self, query: &str) -> bool {
        match self {
            Self::Exact(shown) => *shown == query,
            Self::Written(shown) => **shown == *query,
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

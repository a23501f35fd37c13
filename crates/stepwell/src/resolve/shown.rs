//! The part of a pipeline that a list shows and that tells which create it belongs to.

use stepwell_arroyo::{JsonText, Pipeline, PipelineId, PipelineRow};

/// The part of a pipeline that tells which create it belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) id: &'a PipelineId,
    pub(crate) name: &'a str,
    pub(crate) preview: bool,
    pub(crate) query: ShownQuery<'a>,
}

/// The query of a listed pipeline.
#[derive(Clone, Copy)]
pub(crate) enum ShownQuery<'a> {
    Exact(&'a str),
    Written(&'a JsonText<'a>),
}

impl ShownQuery<'_> {
    /// Whether it equals `query`.
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

//! What of a spec is kept beyond it, without a copy.

use std::sync::Arc;

use super::pipeline_spec::PipelineSpec;

impl PipelineSpec {
    /// The name.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.fields.name)
    }

    /// The SQL.
    pub(crate) fn shared_query(&self) -> Arc<str> {
        Arc::clone(&self.fields.query)
    }
}

//! The parts of a spec that outlive it, shared rather than copied.

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

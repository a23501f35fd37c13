//! The parts of a spec that outlive it, shared rather than copied.

use std::sync::Arc;

use super::{intent::Intent, pipeline_spec::PipelineSpec};

impl PipelineSpec {
    /// The name.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.fields.name)
    }

    /// The same with another intent.
    pub(crate) fn with_intent(&self, intent: Intent) -> Self {
        let mut fields = self.fields.clone();
        fields.intent = intent;
        Self { fields }
    }

    /// The SQL.
    pub(crate) fn shared_query(&self) -> Arc<str> {
        Arc::clone(&self.fields.query)
    }
}

//! A request under way that may create or start something.

use std::sync::Arc;

use stepwell_arroyo::ClientError;

use super::{Registry, entry::EntryId};

/// A request is under way that may create or start something.
#[derive(Debug)]
pub(crate) struct WriteGuard {
    registry: Arc<Registry>,
    id: EntryId,
    /// Whether the run counted as started here before this request.
    started_before: bool,
}

impl WriteGuard {
    pub(super) fn new(registry: Arc<Registry>, id: EntryId, started_before: bool) -> Self {
        Self {
            registry,
            id,
            started_before,
        }
    }

    /// Records that the request has started nothing: it was not sent, or was refused.
    pub(crate) fn started_nothing(&self) {
        let mut inner = self.registry.lock();
        if let Some(entry) = inner.entries.get_mut(&self.id) {
            entry.started_here = self.started_before;
        }
    }

    /// Records whether it is in doubt what became of the request.
    pub(crate) fn in_doubt(&self, in_doubt: bool) {
        if let Some(entry) = self.registry.lock().entries.get_mut(&self.id) {
            entry.in_doubt = in_doubt;
        }
    }

    /// Records that the create was refused because the pipeline exists.
    pub(crate) fn refused(&self, error: &ClientError) {
        self.started_nothing();
        let mut inner = self.registry.lock();
        if let Some(entry) = inner.entries.get_mut(&self.id) {
            entry.refused = Some(error.to_string().into());
        }
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        let registry = &self.registry;
        let mut inner = registry.lock();
        if let Some(entry) = inner.entries.get_mut(&self.id) {
            entry.writes = entry.writes.saturating_sub(1);
        }
        inner.tidy(self.id);
        drop(inner);
        registry.changed();
    }
}

//! The handle of one submission on the registry.

use std::sync::Arc;

use stepwell_arroyo::PipelineId;

use super::{
    Registry, ShutdownBegun,
    entry::{Entry, EntryId, Intended},
    write_guard::WriteGuard,
};

/// The handle of one submission on the registry.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    registry: Arc<Registry>,
    id: EntryId,
}

impl Ticket {
    pub(crate) fn new(registry: &Arc<Registry>) -> Self {
        let id = {
            let mut inner = registry.lock();
            inner.next += 1;
            inner.next
        };
        Self {
            registry: Arc::clone(registry),
            id,
        }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn id(&self) -> EntryId {
        self.id
    }

    /// Records, in one step, what is about to be created or started and that the request is under way.
    pub(crate) fn intend(&self, entry: Intended) -> Result<WriteGuard, ShutdownBegun> {
        let mut inner = self.registry.lock();
        if self.registry.is_begun() {
            return Err(ShutdownBegun);
        }
        let before = inner.entries.get(&self.id);
        let writes = before.map_or(0, |entry| entry.writes);
        let started_before = before
            .is_some_and(|before| before.started_here && !before.target.is_left_for(&entry.target));
        let Intended {
            name,
            requester,
            sight,
            on_shutdown,
            since,
            target,
            started_here,
        } = entry;
        inner.insert(
            self.id,
            Entry {
                name,
                requester,
                sight,
                on_shutdown,
                since,
                target,
                started_here: started_here || started_before,
                refused: None,
                writes: writes + 1,
            },
        );
        drop(inner);
        Ok(WriteGuard::new(
            Arc::clone(&self.registry),
            self.id,
            started_before,
        ))
    }

    /// Records that the pipeline exists; `started_here` as in [`Entry`].
    pub(crate) fn found(&self, server: &Arc<str>, id: &PipelineId, started_here: bool) {
        let mut inner = self.registry.lock();
        inner.server(server).ours.insert(id.clone());
        inner.know(self.id, id);
        if let Some(entry) = inner.entries.get_mut(&self.id) {
            entry.started_here |= started_here;
        }
        drop(inner);
        self.registry.changed();
    }

    /// Whether a shutdown stops the pipeline.
    pub(crate) fn is_to_stop(&self) -> bool {
        let entry = self.registry.entry(self.id);
        entry.is_some_and(|entry| !entry.is_left())
    }

    /// Drops the entry: the pipeline was seen ended, was never created, or is detached.
    pub(crate) fn forget(&self) {
        self.registry.remove(self.id);
    }
}

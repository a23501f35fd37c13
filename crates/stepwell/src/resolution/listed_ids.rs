use std::{collections::BTreeSet, sync::Arc};

use stepwell_arroyo::PipelineId;

use crate::inventory::ledger::Snapshot;

/// The pipelines that a list showed.
#[derive(Clone, Debug)]
pub(crate) enum ListedIds {
    /// Read for one submission.
    Own(Arc<BTreeSet<PipelineId>>),
    /// Those that an inventory knew then.
    Inventory(Snapshot),
}

impl ListedIds {
    /// Whether it was listed.
    pub(crate) fn contains(&self, id: &PipelineId) -> bool {
        match self {
            Self::Own(ids) => ids.contains(id),
            Self::Inventory(snapshot) => snapshot.contains(id),
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Own(ids) => ids.len(),
            Self::Inventory(_) => 0,
        }
    }

    /// Whether it was listed and is not known to be gone since.
    pub(crate) fn holds(&self, id: &PipelineId) -> bool {
        match self {
            Self::Own(ids) => ids.contains(id),
            Self::Inventory(snapshot) => snapshot.holds(id),
        }
    }
}

impl<I: IntoIterator<Item = PipelineId>> From<I> for ListedIds {
    fn from(ids: I) -> Self {
        Self::Own(Arc::new(ids.into_iter().collect()))
    }
}

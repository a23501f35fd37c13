//! What is known of one server, indexed so that each of the 10,000 pipelines of a list can be looked up.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use stepwell_arroyo::PipelineId;
use tokio::time::Instant;

use super::entry::{Entry, EntryId, Target};
use crate::spec::PipelineSpec;

/// A list that began to be read before a create was answered has been read by then.
const READ_BY_THEN: Duration = Duration::from_secs(5 * 60);

#[derive(Debug, Default)]
pub(super) struct Server {
    /// Pipelines that submissions under this shutdown created or resumed: these are not "other pipelines".
    pub(super) ours: HashSet<PipelineId>,
    /// Pipelines that submissions under this shutdown patched.
    pub(super) patched: HashSet<PipelineId>,
    /// The specs whose creates have made pipelines that no entry is about any more, and since when that was known.
    pub(super) made: Vec<(Arc<PipelineSpec>, Instant)>,
    /// Which create claims a pipeline whose id the server chose: one pipeline stands for one create.
    pub(super) claims: HashMap<PipelineId, EntryId>,
    /// The entries whose pipeline has an id: it exists, or its create has chosen the id.
    by_id: BTreeSet<(PipelineId, EntryId)>,
    /// The entries of creates whose id the server chooses, by name.
    by_name: HashMap<String, BTreeSet<EntryId>>,
}

impl Server {
    /// Remembers what an entry that is dropped knew of a create, for longer than a list takes to be read.
    pub(super) fn remember(&mut self, made: Option<(Arc<PipelineSpec>, Instant)>) {
        self.made.retain(|(_, at)| at.elapsed() < READ_BY_THEN);
        self.made.extend(made);
    }

    pub(super) fn insert(&mut self, id: EntryId, entry: &Entry) {
        match &entry.target {
            Target::Attempted(attempt) if attempt.id().is_none() => {
                let name = attempt.spec.name().to_owned();
                self.by_name.entry(name).or_default().insert(id);
            }
            target => self.by_id.extend(target.id().map(|of| (of.clone(), id))),
        }
    }

    pub(super) fn remove(&mut self, id: EntryId, entry: &Entry) {
        if let Some(of) = entry.target.id() {
            self.by_id.remove(&(of.clone(), id));
        } else if let Target::Attempted(attempt) = &entry.target
            && let Some(of_name) = self.by_name.get_mut(attempt.spec.name())
        {
            of_name.remove(&id);
            if of_name.is_empty() {
                self.by_name.remove(attempt.spec.name());
            }
        }
    }

    /// The entries whose pipeline has this id, or whose create has chosen it.
    pub(super) fn with_id(&self, id: &PipelineId) -> impl Iterator<Item = EntryId> {
        let all = (id.clone(), EntryId::MIN)..=(id.clone(), EntryId::MAX);
        self.by_id.range(all).map(|(_, entry)| *entry)
    }

    /// The entries whose create has this name and no id.
    pub(super) fn with_name(&self, name: &str) -> impl Iterator<Item = EntryId> {
        self.by_name.get(name).into_iter().flatten().copied()
    }
}

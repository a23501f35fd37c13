//! What is known of one server, indexed so that each of the 10,000 pipelines of a list can be looked up.

use std::collections::{BTreeSet, HashMap, HashSet};

use stepwell_arroyo::PipelineId;

use super::entry::{Entry, EntryId, Target};

#[derive(Debug, Default)]
pub(super) struct Server {
    /// Pipelines that submissions under this shutdown created or resumed: these are not "other pipelines".
    pub(super) ours: HashSet<PipelineId>,
    /// Which create claims a pipeline whose id the server chose: one pipeline stands for one create.
    pub(super) claims: HashMap<PipelineId, EntryId>,
    /// The entries of creates that are under way or in doubt, by their chosen id.
    by_id: HashMap<PipelineId, BTreeSet<EntryId>>,
    /// The entries of creates whose id the server chooses, by name.
    by_name: HashMap<String, BTreeSet<EntryId>>,
    /// The entries of pipelines that exist.
    by_pipeline: HashMap<PipelineId, BTreeSet<EntryId>>,
}

impl Server {
    pub(super) fn insert(&mut self, id: EntryId, entry: &Entry) {
        let entries = match &entry.target {
            Target::Pipeline(pipeline) => self.by_pipeline.entry(pipeline.clone()).or_default(),
            Target::Attempted(attempt) => match attempt.id() {
                Some(chosen) => self.by_id.entry(chosen.clone()).or_default(),
                None => self
                    .by_name
                    .entry(attempt.spec.name().to_owned())
                    .or_default(),
            },
        };
        entries.insert(id);
    }

    pub(super) fn remove(&mut self, id: EntryId, entry: &Entry) {
        match &entry.target {
            Target::Pipeline(pipeline) => remove(&mut self.by_pipeline, pipeline, id),
            Target::Attempted(attempt) => match attempt.id() {
                Some(chosen) => remove(&mut self.by_id, chosen, id),
                None => remove(&mut self.by_name, attempt.spec.name(), id),
            },
        }
    }

    /// The entries of this pipeline.
    pub(super) fn with_pipeline(&self, id: &PipelineId) -> impl Iterator<Item = EntryId> {
        self.by_pipeline.get(id).into_iter().flatten().copied()
    }

    /// The entries whose create has chosen this id.
    pub(super) fn with_id(&self, id: &PipelineId) -> impl Iterator<Item = EntryId> {
        self.by_id.get(id).into_iter().flatten().copied()
    }

    /// The entries whose create has this name and no id.
    pub(super) fn with_name(&self, name: &str) -> impl Iterator<Item = EntryId> {
        self.by_name.get(name).into_iter().flatten().copied()
    }
}

fn remove<K, Q>(entries: &mut HashMap<K, BTreeSet<EntryId>>, key: &Q, id: EntryId)
where
    K: std::borrow::Borrow<Q> + std::hash::Hash + Eq,
    Q: std::hash::Hash + Eq + ?Sized,
{
    if let Some(of_key) = entries.get_mut(key) {
        of_key.remove(&id);
        if of_key.is_empty() {
            entries.remove(key);
        }
    }
}

//! What a shutdown tracks: for every submission the pipeline that it may have created or started.
//!
//! An entry is written *before* the request that creates or starts something is sent, and is dropped only when the pipeline was seen ended,
//! was never created, or was detached. Requests that change something hold a [`WriteGuard`](write_guard::WriteGuard) while they are under
//! way, in the task that sends them, so that a shutdown can await their replies even if their caller is gone.

pub(crate) mod entry;
mod server;
pub(crate) mod ticket;
pub(crate) mod write_guard;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use stepwell_arroyo::PipelineId;
use tokio::sync::watch;

use self::{
    entry::{Entry, EntryId, Target},
    server::Server,
};
use super::KnownPipeline;
use crate::resolve::{attempt::CreateAttempt, shown::Shown};

#[derive(Debug, Default)]
struct Inner {
    next: EntryId,
    entries: BTreeMap<EntryId, Entry>,
    servers: HashMap<Arc<str>, Server>,
}

#[derive(Debug)]
pub(crate) struct Registry {
    inner: Mutex<Inner>,
    begun: watch::Sender<bool>,
    /// Changes whenever a write ends or an entry changes.
    changes: watch::Sender<u64>,
}

/// Nothing new may be sent, because the shutdown has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShutdownBegun;

impl Inner {
    fn server(&mut self, server: &Arc<str>) -> &mut Server {
        self.servers.entry(Arc::clone(server)).or_default()
    }

    fn insert(&mut self, id: EntryId, entry: Entry) {
        self.remove(id);
        self.server(entry.requester.server()).insert(id, &entry);
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: EntryId) {
        if let Some(entry) = self.entries.remove(&id)
            && let Some(server) = self.servers.get_mut(entry.requester.server())
        {
            server.remove(id, &entry);
        }
    }

    /// Records the pipeline of an entry.
    fn know(&mut self, id: EntryId, pipeline: &PipelineId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            if let Some(server) = self.servers.get_mut(entry.requester.server()) {
                server.remove(id, entry);
            }
            entry.target = Target::Pipeline(pipeline.clone());
        }
    }

    fn attempt(&self, id: EntryId) -> Option<&CreateAttempt> {
        match &self.entries.get(&id)?.target {
            Target::Attempted(attempt) => Some(attempt),
            Target::Pipeline(_) => None,
        }
    }

    /// The creates on this server that are under way or in doubt, with their entries.
    fn attempts(&self, server: &str) -> impl Iterator<Item = (EntryId, &Entry, &CreateAttempt)> {
        self.entries
            .iter()
            .filter(move |(_, entry)| **entry.requester.server() == *server)
            .filter_map(|(id, entry)| match &entry.target {
                Target::Attempted(attempt) => Some((*id, entry, attempt)),
                Target::Pipeline(_) => None,
            })
    }
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            inner: Mutex::default(),
            begun: watch::Sender::new(false),
            changes: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that runs under the lock can panic halfway through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self) {
        // Under the lock, so that no intent is added between this and a reader of the entries.
        let _inner = self.lock();
        self.begun.send_replace(true);
    }

    pub(crate) fn is_begun(&self) -> bool {
        *self.begun.borrow()
    }

    pub(crate) async fn begun(&self) {
        // The sender lives in self, so this cannot fail.
        let _ = self.begun.subscribe().wait_for(|begun| *begun).await;
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    pub(crate) fn pipelines(&self) -> Vec<KnownPipeline> {
        let inner = self.lock();
        let target = inner.entries.values().map(|entry| KnownPipeline {
            name: entry.name.as_ref().to_owned(),
            id: entry.target.id().cloned(),
        });
        target.collect()
    }

    pub(crate) fn entry_ids(&self) -> Vec<EntryId> {
        self.lock().entries.keys().copied().collect()
    }

    pub(crate) fn entry(&self, id: EntryId) -> Option<Entry> {
        self.lock().entries.get(&id).cloned()
    }

    /// Whether a submission under this shutdown created or resumed this pipeline, or may be creating it: a pipeline can be listed before
    /// the reply to its create arrives.
    pub(crate) fn is_ours<'a>(&self, server: &str, pipeline: impl Into<Shown<'a>>) -> bool {
        let shown = pipeline.into();
        let inner = self.lock();
        let Some(of_server) = inner.servers.get(server) else {
            return false;
        };
        of_server.ours.contains(shown.id)
            || of_server
                .with_id(shown.id)
                .chain(of_server.with_name(shown.name))
                .filter_map(|entry| inner.attempt(entry))
                .any(|attempt| attempt.may_have_made(shown))
    }

    /// Whether the pipeline is claimed for the create of another submission.
    pub(crate) fn is_claimed(&self, server: &str, id: &PipelineId, by_other_than: EntryId) -> bool {
        let inner = self.lock();
        let Some(of_server) = inner.servers.get(server) else {
            return false;
        };
        let claim = of_server.claims.get(id);
        claim.is_some_and(|claim| *claim != by_other_than)
            // The id chosen by a create shows which one it belongs to.
            || of_server.with_id(id).any(|by| by != by_other_than)
    }

    /// Whether another submission's identical create is under way: the pipeline may be that one's.
    pub(crate) fn is_another_under_way(
        &self,
        server: &str,
        attempt: &CreateAttempt,
        than: EntryId,
    ) -> bool {
        let inner = self.lock();
        inner.attempts(server).any(|(by, entry, other)| {
            by != than
                && entry.writes > 0
                && other.spec.query() == attempt.spec.query()
                && other.spec.name() == attempt.spec.name()
        })
    }

    /// Claims a pipeline for the create of this submission; `false` if another one has claimed it.
    pub(crate) fn claim(&self, server: &Arc<str>, id: &PipelineId, by: EntryId) -> bool {
        let mut inner = self.lock();
        let claims = &mut inner.server(server).claims;
        *claims.entry(id.clone()).or_insert(by) == by
    }

    /// Records that the pipeline of an attempt was found.
    pub(crate) fn know(&self, id: EntryId, pipeline: &PipelineId) {
        self.lock().know(id, pipeline);
    }

    pub(crate) fn remove(&self, id: EntryId) {
        self.lock().remove(id);
        self.changed();
    }

    /// Waits until no write of this entry is under way.
    pub(crate) async fn quiet(&self, id: EntryId) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.borrow_and_update();
            let writes = self.lock().entries.get(&id).map_or(0, |entry| entry.writes);
            if writes == 0 || changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

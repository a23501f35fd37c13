//! What a shutdown tracks: for every submission the pipeline that it may have created or started.
//!
//! An entry is written *before* the request that creates or starts something is sent, and is dropped only when the pipeline was seen ended,
//! was never created, or was detached. Requests that change something hold a [`WriteGuard`](write_guard::WriteGuard) while they are under
//! way, in the task that sends them, so that a shutdown can await their replies even if their caller is gone.

mod creates;
pub(crate) mod entry;
mod server;
pub(crate) mod ticket;
pub(crate) mod write_guard;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use stepwell_arroyo::PipelineId;
use tokio::{sync::watch, time::Instant};

use self::{
    entry::{Entry, EntryId, Target},
    server::Server,
};
use super::KnownPipeline;
use crate::resolve::{attempt::CreateAttempt, shown::Shown};

#[derive(Debug, Default)]
struct Inner {
    next: EntryId,
    /// Whether a shutdown may be stopping what the entries are about. Under the lock, so that no intent is added between its beginning and
    /// a reader of the entries.
    begun: watch::Sender<bool>,
    /// Whether it stops pipelines.
    stops: bool,
    /// Whether it leaves all pipelines running.
    drains: bool,
    entries: BTreeMap<EntryId, Entry>,
    servers: HashMap<Arc<str>, Server>,
}

#[derive(Debug)]
pub(crate) struct Registry {
    inner: Mutex<Inner>,
    /// Changes whenever a write ends or an entry changes.
    changes: watch::Sender<u64>,
}

/// Nothing new may be sent, because the shutdown has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShutdownBegun;

impl Inner {
    fn is_begun(&self) -> bool {
        *self.begun.borrow()
    }

    fn open_entries(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        let entries = self.entries.iter().filter(|(_, entry)| entry.is_open());
        entries.map(|(id, entry)| (*id, entry))
    }

    fn server(&mut self, server: &Arc<str>) -> &mut Server {
        self.servers.entry(Arc::clone(server)).or_default()
    }

    fn insert(&mut self, id: EntryId, entry: Entry) {
        self.remove(id);
        // Nothing that was seen under its id is what the create makes.
        if let Target::Attempted(attempt) = &entry.target
            && let Some(id) = attempt.id()
        {
            entry.sight.is_new(id);
        }
        self.server(entry.requester.server()).insert(id, &entry);
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: EntryId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        if let Some(server) = self.servers.get_mut(entry.requester.server()) {
            server.remove(id, &entry);
        }
        Some(entry)
    }

    /// Drops an entry, but not what it knew of a create.
    fn drop_entry(&mut self, id: EntryId) {
        if let Some(entry) = self.remove(id) {
            let made = entry.made;
            self.server(entry.requester.server()).remember(made);
        }
    }

    /// Sets what an entry is about.
    fn set_target(&mut self, id: EntryId, target: Target) {
        if let Some(entry) = self.remove(id) {
            self.insert(id, Entry { target, ..entry });
        }
    }

    /// Records which pipeline an entry is about.
    fn know(&mut self, id: EntryId, pipeline: &PipelineId) {
        let made = self.attempt(id).map(|attempt| Arc::clone(&attempt.spec));
        let entry = self.entries.get(&id);
        if entry.is_some_and(|entry| !entry.target.is(pipeline)) {
            self.set_target(id, Target::Pipeline(pipeline.clone()));
        }
        if let (Some(spec), Some(entry)) = (made, self.entries.get_mut(&id)) {
            entry.made = Some((spec, Instant::now()));
        }
        for other in self.others_of_pipeline(id) {
            self.tidy(other);
        }
    }

    /// The entries of other submissions for the same pipeline.
    fn others_of_pipeline(&self, id: EntryId) -> Vec<EntryId> {
        let Some(entry) = self.entries.get(&id) else {
            return Vec::new();
        };
        let (Target::Pipeline(pipeline), Some(server)) =
            (&entry.target, self.servers.get(entry.requester.server()))
        else {
            return Vec::new();
        };
        // A create that is in doubt has chosen an id, but has no pipeline yet.
        let is_other = |other: &EntryId| *other != id && self.attempt(*other).is_none();
        server.with_id(pipeline).filter(is_other).collect()
    }

    /// Removes the entry of a dropped submission if nothing depends on it any more: an orchestrator may attach to a pipeline a thousand times.
    fn tidy(&mut self, id: EntryId) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if !entry.is_orphan || entry.writes > 0 {
            return;
        }
        let others = self.others_of_pipeline(id);
        let mut others = others.iter().filter_map(|other| self.entries.get(other));
        // A shutdown may have dealt with the other one before this one's last request was answered.
        let is_covered = !self.is_begun() && others.any(|other| entry.is_covered_by(other));
        if !entry.is_open() || is_covered {
            self.drop_entry(id);
        }
    }

    /// Whether this process has patched the pipeline of the entry.
    fn is_patched(&self, id: EntryId) -> bool {
        self.entries.get(&id).is_some_and(|entry| {
            let server = self.servers.get(entry.requester.server());
            let id = entry.target.id();
            server
                .zip(id)
                .is_some_and(|(server, id)| server.patched.contains(id))
        })
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
            changes: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that runs under the lock can panic halfway through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self) {
        self.lock().begun.send_replace(true);
    }

    /// Begins a shutdown that stops pipelines.
    pub(crate) fn begin_to_stop(&self) {
        let mut inner = self.lock();
        inner.stops = true;
        inner.drains = false;
        inner.begun.send_replace(true);
    }

    /// Begins a shutdown that leaves all pipelines running, unless one that stops them has begun.
    pub(crate) fn begin_to_drain(&self) {
        let mut inner = self.lock();
        inner.drains = !inner.stops;
        inner.begun.send_replace(true);
    }

    pub(crate) fn is_begun(&self) -> bool {
        self.lock().is_begun()
    }

    /// The entries, for something new.
    fn unless_begun(&self) -> Result<MutexGuard<'_, Inner>, ShutdownBegun> {
        self.unless_begun_for(false)
    }

    /// The entries, for something new, or for what a roll-back puts back.
    fn unless_begun_for(&self, puts_back: bool) -> Result<MutexGuard<'_, Inner>, ShutdownBegun> {
        let inner = self.lock();
        if inner.is_begun() && !(puts_back && inner.drains) {
            return Err(ShutdownBegun);
        }
        Ok(inner)
    }

    pub(crate) async fn begun(&self) {
        let mut begun = self.lock().begun.subscribe();
        // The sender lives in self, so this cannot fail.
        let _ = begun.wait_for(|begun| *begun).await;
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().open_entries().count()
    }

    pub(crate) fn pipelines(&self) -> Vec<KnownPipeline> {
        let inner = self.lock();
        let target = inner.open_entries().map(|(_, entry)| KnownPipeline {
            name: entry.name.as_ref().to_owned(),
            id: entry.target.id().cloned(),
        });
        target.collect()
    }

    pub(crate) fn entry_ids(&self) -> Vec<EntryId> {
        self.lock().open_entries().map(|(id, _)| id).collect()
    }

    /// The entry, unless its pipeline has ended.
    pub(crate) fn entry(&self, id: EntryId) -> Option<Entry> {
        let entry = self.lock().entries.get(&id).cloned();
        entry.filter(Entry::is_open)
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
        // The id chosen by a create shows which one it belongs to.
        let chosen_by = of_server
            .with_id(id)
            .filter(|by| inner.attempt(*by).is_some());
        chosen_by
            .chain(claim.copied())
            .any(|by| by != by_other_than)
    }

    /// Whether another submission's identical create is under way: a new pipeline may be its result.
    pub(crate) fn is_another_under_way(
        &self,
        server: &str,
        attempt: &CreateAttempt,
        than: EntryId,
    ) -> bool {
        let inner = self.lock();
        inner.attempts(server).any(|(by, entry, other)| {
            by != than && entry.writes > 0 && other.asks_for(&attempt.spec)
        })
    }

    /// Claims a pipeline for the create of this submission; `false` if another one has claimed it.
    pub(crate) fn claim(&self, server: &Arc<str>, id: &PipelineId, by: EntryId) -> bool {
        let mut inner = self.lock();
        // Its create may have been passed on meanwhile.
        if !inner.entries.contains_key(&by) {
            return false;
        }
        let claims = &mut inner.server(server).claims;
        *claims.entry(id.clone()).or_insert(by) == by
    }

    /// Records that the pipeline of an attempt was found.
    pub(crate) fn know(&self, id: EntryId, pipeline: &PipelineId) {
        self.lock().know(id, pipeline);
    }

    pub(crate) fn remove(&self, id: EntryId) {
        self.lock().drop_entry(id);
        self.changed();
    }

    /// Waits until no write of this entry, or of another entry of its pipeline, is under way.
    pub(crate) async fn quiet(&self, id: EntryId) {
        self.until(|inner| {
            let others = inner.others_of_pipeline(id).into_iter();
            let mut entries = others.chain([id]).filter_map(|id| inner.entries.get(&id));
            entries.all(|entry| entry.writes == 0)
        })
        .await;
    }

    /// Waits until there is no such entry any more: its submission has seen the end, say.
    pub(crate) async fn gone(&self, id: EntryId) {
        self.until(|inner| !inner.entries.get(&id).is_some_and(Entry::is_open))
            .await;
    }

    async fn until(&self, is_so: impl Fn(&Inner) -> bool) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.borrow_and_update();
            if is_so(&self.lock()) || changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

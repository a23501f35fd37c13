//! What a shutdown knows: for every submission the pipeline that it may have made or started.
//!
//! An entry is written *before* the request leaves that makes or starts something, and is dropped only when the pipeline was seen
//! ended, was never created, or was detached. Requests that change something hold a [`WriteGuard`] for as long as they are under
//! way, in the task that sends them, so that a shutdown can await their replies even when their caller is gone.

mod server;
mod write_guard;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use stepwell_arroyo::PipelineId;
use tokio::sync::watch;

use self::server::Server;
pub(crate) use self::write_guard::WriteGuard;
use super::{KnownPipeline, OnShutdown};
use crate::{
    job::sight::Sight,
    resolve::{attempt::CreateAttempt, shown::Shown},
    session::Requester,
};

pub(crate) type EntryId = u64;

/// What is known of the pipeline of one submission.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A create is under way, or was and its reply was lost.
    Attempted(CreateAttempt),
    /// It is there.
    Pipeline(PipelineId),
}

impl Target {
    /// Its id, as far as it is known: a create may leave that to the server.
    pub(crate) fn id(&self) -> Option<&PipelineId> {
        match self {
            Self::Attempted(attempt) => attempt.id(),
            Self::Pipeline(id) => Some(id),
        }
    }

    /// Whether this pipeline was given up for another one: that its run was started here says nothing of the other's.
    fn is_left_for(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Pipeline(id), Self::Pipeline(next)) => id != next,
            (Self::Pipeline(_), Self::Attempted(_)) => true,
            (Self::Attempted(_), _) => false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) requester: Requester,
    /// What the submission has seen of the job.
    pub(crate) sight: Arc<Sight>,
    pub(crate) on_shutdown: OnShutdown,
    pub(crate) since: SystemTime,
    pub(crate) target: Target,
    /// Whether this process created it, started its run, or may have.
    pub(crate) started_here: bool,
    /// The server's words, when the create was answered with them: it exists already.
    pub(crate) refused: Option<Arc<str>>,
    writes: usize,
}

impl Entry {
    /// Whether a shutdown leaves it as it is.
    pub(crate) fn is_left(&self) -> bool {
        match self.on_shutdown {
            OnShutdown::Stop => false,
            OnShutdown::StopIfStartedHere => !self.started_here,
            OnShutdown::Leave => true,
        }
    }
}

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
    /// Goes up whenever a write ends or an entry changes.
    changes: watch::Sender<u64>,
}

/// Nothing new may be sent: the shutdown has begun.
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

    /// The pipeline of an entry is known.
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
        // Nothing that runs under the lock can panic half way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self) {
        // Under the lock, so that no intent slips in between this and a reader of the entries.
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

    /// Whether a submission under this shutdown made or resumed this pipeline, or may just be making it: a pipeline is listed before
    /// the reply to its create is here.
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

    /// Whether a pipeline is taken for the create of another submission than this one.
    pub(crate) fn is_claimed(&self, server: &str, id: &PipelineId, by_other_than: EntryId) -> bool {
        let inner = self.lock();
        let Some(of_server) = inner.servers.get(server) else {
            return false;
        };
        let claim = of_server.claims.get(id);
        claim.is_some_and(|claim| *claim != by_other_than)
            // The id that it has chosen says whose it is.
            || of_server.with_id(id).any(|by| by != by_other_than)
    }

    /// Whether another submission's create of the same is on its way: what is there may be that one.
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

    /// Takes a pipeline for the create of this submission; `false` when another one has.
    pub(crate) fn claim(&self, server: &Arc<str>, id: &PipelineId, by: EntryId) -> bool {
        let mut inner = self.lock();
        let claims = &mut inner.server(server).claims;
        *claims.entry(id.clone()).or_insert(by) == by
    }

    /// The pipeline of an attempt was found.
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

/// The place of one submission in the registry.
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

    /// Notes what is about to be made or started, and that the request is under way, in one step.
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
        Ok(WriteGuard::new(self.clone(), started_before))
    }

    /// The pipeline is there; `started_here` as in [`Entry`].
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

    /// Whether a shutdown stops its pipeline.
    pub(crate) fn is_to_stop(&self) -> bool {
        let entry = self.registry.entry(self.id);
        entry.is_some_and(|entry| !entry.is_left())
    }

    /// It was seen ended, was never created, or is left to itself.
    pub(crate) fn forget(&self) {
        self.registry.remove(self.id);
    }
}

/// What [`Ticket::intend`] notes.
pub(crate) struct Intended {
    pub(crate) name: Arc<str>,
    pub(crate) requester: Requester,
    /// What the submission has seen of the job.
    pub(crate) sight: Arc<Sight>,
    pub(crate) on_shutdown: OnShutdown,
    pub(crate) since: SystemTime,
    pub(crate) target: Target,
    pub(crate) started_here: bool,
}

//! The handle of one submission on the registry.

use std::sync::Arc;

use stepwell_arroyo::{Job, JobState, PipelineId};

use crate::{
    job::ended::stays_ended,
    resolve::attempt::{CreateAttempt, Sent},
    shutdown::OnShutdown,
};

use super::{
    Inner, Registry, ShutdownBegun,
    entry::{Entry, EntryId, Intended, Target},
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
        let mut inner = self.registry.unless_begun_for(entry.puts_back)?;
        Ok(self.insert(&mut inner, entry))
    }

    /// The same for a create, unless an earlier one of its spec has to be settled first: two could make two pipelines.
    pub(crate) fn intend_create(
        &self,
        entry: Intended,
        attempt: &CreateAttempt,
    ) -> Result<Option<WriteGuard>, ShutdownBegun> {
        let mut inner = self.registry.unless_begun()?;
        let is_post = attempt.sent == Sent::Post;
        let server = entry.requester.server();
        let is_second = || {
            let earlier = inner.create_in_doubt(server, &attempt.spec, false, self.id);
            earlier.is_some() || inner.was_made_since(server, attempt)
        };
        if is_post && is_second() {
            return Ok(None);
        }
        Ok(Some(self.insert(&mut inner, entry)))
    }

    /// Goes on with a create in doubt whose submission was dropped, and gets the pipelines that it has claimed; `false` if another
    /// submission has been faster.
    pub(crate) fn take_over(&self, entry: Intended, from: EntryId) -> Result<bool, ShutdownBegun> {
        let mut inner = self.registry.unless_begun()?;
        let is_left = |entry: &Entry| entry.is_orphan && entry.writes == 0;
        if inner.attempt(from).is_none() || !inner.entries.get(&from).is_some_and(is_left) {
            return Ok(false);
        }
        let server = Arc::clone(entry.requester.server());
        let guard = self.insert(&mut inner, entry);
        for by in inner.server(&server).claims.values_mut() {
            if *by == from {
                *by = self.id;
            }
        }
        inner.remove(from);
        drop(inner);
        // Nothing is sent yet.
        drop(guard);
        Ok(true)
    }

    fn insert(&self, inner: &mut Inner, entry: Intended) -> WriteGuard {
        let before = inner.entries.get(&self.id);
        let writes = before.map_or(0, |entry| entry.writes);
        let before = before.filter(|before| !before.target.is_left_for(&entry.target));
        let started_before = before.is_some_and(|before| before.started_here);
        let in_doubt = before.is_some_and(|before| before.in_doubt);
        let made = before.and_then(|before| before.made.clone());
        let Intended {
            name,
            requester,
            sight,
            on_shutdown,
            since,
            target,
            started_here,
            puts_back: _,
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
                made,
                in_doubt,
                has_ended: false,
                is_orphan: false,
                writes: writes + 1,
            },
        );
        WriteGuard::new(Arc::clone(&self.registry), self.id, started_before)
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
        !self.registry.lock().drains && entry.is_some_and(|entry| !entry.is_left())
    }

    /// Records that this process patches the pipeline.
    pub(crate) fn patches(&self, server: &Arc<str>, id: &PipelineId) {
        let mut inner = self.registry.lock();
        inner.server(server).patched.insert(id.clone());
    }

    /// The pipeline was seen ended: a shutdown need not stop it, unless it may start again by itself. The first patch after a restart
    /// restarts the job once more, and if the run fails before, what has failed is restarted.
    pub(crate) fn has_ended(&self, job: &Job) {
        let mut inner = self.registry.lock();
        if !stays_ended(job) && job.state == JobState::Failed && inner.is_patched(self.id) {
            return;
        }
        if let Some(entry) = inner.entries.get_mut(&self.id) {
            entry.has_ended = true;
        }
        drop(inner);
        self.registry.changed();
    }

    /// The pipeline was seen Running, whatever was seen before: another client may have started it again.
    pub(crate) fn runs(&self) {
        self.change(|entry| entry.has_ended = false);
    }

    /// The pipeline that was taken for the result of this create is not there: the create is in doubt as before.
    pub(crate) fn is_in_doubt(&self, attempt: &CreateAttempt) {
        let mut inner = self.registry.lock();
        inner.set_target(self.id, Target::Attempted(attempt.clone()));
    }

    /// Records that a request about the pipeline is under way that starts nothing, so that a shutdown awaits it; `None` if nothing is tracked.
    pub(crate) fn is_busy(&self) -> Option<WriteGuard> {
        let mut inner = self.registry.lock();
        let entry = inner.entries.get_mut(&self.id)?;
        entry.writes += 1;
        let registry = Arc::clone(&self.registry);
        Some(WriteGuard::new(registry, self.id, entry.started_here))
    }

    /// Whether a request was sent that may have started something, and was not answered.
    pub(crate) fn has_doubt(&self) -> bool {
        let inner = self.registry.lock();
        let entry = inner.entries.get(&self.id);
        entry.is_some_and(|entry| entry.in_doubt)
    }

    /// Whether the submission has found or created a pipeline.
    pub(crate) fn has_pipeline(&self) -> bool {
        self.pipeline().is_some()
    }

    /// The pipeline that the submission has found or created.
    pub(crate) fn pipeline(&self) -> Option<PipelineId> {
        let inner = self.registry.lock();
        match &inner.entries.get(&self.id)?.target {
            Target::Pipeline(id) => Some(id.clone()),
            Target::Attempted(_) => None,
        }
    }

    /// The caller leaves the pipeline to itself. A shutdown that has begun lists it as left.
    pub(crate) fn detach(&self) {
        if self.registry.is_begun() {
            self.change(|entry| entry.on_shutdown = OnShutdown::Leave);
        } else {
            self.forget();
        }
    }

    /// Nothing was started, so there is nothing to stop, unless an earlier request has started something, or may have.
    pub(crate) fn has_ended_unless_started(&self) {
        self.change(|entry| entry.has_ended |= !entry.started_here);
    }

    /// The pipeline was deleted, and another one made under its id. What was started of the first one was not of the second one.
    pub(crate) fn is_made_anew(&self, id: &PipelineId) {
        self.change(|entry| {
            if entry.target.is(id) && entry.writes == 0 {
                entry.started_here = false;
                entry.in_doubt = false;
            }
        });
    }

    /// Drops the entry, unless a request has started something, or may have.
    pub(crate) fn forget_unless_started(&self) {
        let mut inner = self.registry.lock();
        if !inner
            .entries
            .get(&self.id)
            .is_some_and(|entry| entry.started_here || entry.in_doubt)
        {
            inner.drop_entry(self.id);
        }
        drop(inner);
        self.registry.changed();
    }

    /// Drops the entry: the pipeline was never created, is another client's, or is left to itself.
    pub(crate) fn forget(&self) {
        self.registry.remove(self.id);
    }

    /// The pipeline was deleted: drops the entry, and those of dropped submissions for the same pipeline, which nothing else would drop.
    pub(crate) fn was_deleted(&self) {
        let mut inner = self.registry.lock();
        for other in inner.others_of_pipeline(self.id) {
            let entries = (inner.entries.get(&other), inner.entries.get(&self.id));
            if matches!(entries, (Some(other), Some(deleted)) if other.is_over_with(deleted)) {
                inner.drop_entry(other);
            }
        }
        inner.drop_entry(self.id);
        drop(inner);
        self.registry.changed();
    }

    /// The submission is dropped.
    pub(crate) fn abandon(&self) {
        let mut inner = self.registry.lock();
        if let Some(entry) = inner.entries.get_mut(&self.id) {
            entry.is_orphan = true;
        }
        inner.tidy(self.id);
    }

    fn change(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.registry.lock().entries.get_mut(&self.id) {
            change(entry);
        }
        self.registry.changed();
    }
}

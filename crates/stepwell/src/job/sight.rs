//! What a submission has observed of its job: see [`Sight`].

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use stepwell_arroyo::{Job, JobId, PipelineId};
use tokio::time::Instant;

use super::{record::Record, verdict::TWO_TICKS};
use crate::{
    observe::{JobTransition, Subject},
    session::retry::GONE_AFTER,
};

/// What a submission has observed of its job. It outlives each wait, so that a wait that is started again, as in a `select!` loop, forgets
/// nothing.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    seen: Mutex<Seen>,
    /// Whether the job keeps running.
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The pipeline's name.
    name: Option<Arc<str>>,
    /// The pipeline that the job belongs to.
    pipeline: Option<PipelineId>,
    /// The job that was seen last.
    job: Option<JobId>,
    /// The last reported transition.
    reported: Option<JobTransition>,
    /// Whether another one has been seen under the pipeline's id since.
    is_replaced: bool,
    was_there: bool,
    /// Whether this process has asked the pipeline to stop.
    is_told_to_stop: bool,
    /// When the reply arrived that showed the job, or its absence, last.
    observed: Option<Instant>,
    /// When a request that starts the job was last answered, or given up.
    started_at: Option<Instant>,
    /// When a request that changes its run was.
    changed_at: Option<Instant>,
    /// Since when the server has not known the pipeline.
    missing_since: Option<Instant>,
    /// Since when the server owes an answer: every poll of the job that began after it was dropped or has failed.
    silent_since: Option<Instant>,
    /// How many watches there are: rows are read while the end is awaited.
    watches: usize,
    /// Since when there is none.
    paused_since: Option<Instant>,
}

impl Sight {
    /// Of a pipeline with this name, if it is known.
    pub(crate) fn of(name: Option<Arc<str>>) -> Self {
        Self {
            seen: Mutex::new(Seen {
                name,
                ..Seen::default()
            }),
            record: Mutex::default(),
        }
    }

    /// The pipeline, as far as it is known.
    pub(crate) fn subject(&self) -> Subject {
        let seen = self.seen();
        Subject {
            name: seen.name.clone(),
            id: seen.pipeline.clone(),
        }
    }

    /// Begins to watch the job of this pipeline. The time without polls counts neither as silence of the server nor as absence of the
    /// pipeline.
    pub(super) fn begin(&self, id: &PipelineId) {
        let mut seen = self.seen_of(id);
        seen.watches += 1;
        let Some(paused) = seen.paused_since.take() else {
            return;
        };
        let pause = paused.elapsed();
        seen.silent_since = seen.silent_since.map(|since| since + pause);
        seen.missing_since = seen.missing_since.map(|since| since + pause);
    }

    /// A watch ends.
    pub(super) fn end(&self) {
        let mut seen = self.seen();
        seen.watches = seen.watches.saturating_sub(1);
        if seen.watches == 0 {
            seen.paused_since = Some(Instant::now());
        }
    }

    /// Records the pipeline's name, as the server shows it.
    pub(crate) fn is_named(&self, name: &str) {
        self.seen().name.get_or_insert_with(|| name.into());
    }

    /// Records that the pipeline exists.
    pub(crate) fn was_there(&self, id: &PipelineId) {
        self.seen_of(id).was_there = true;
    }

    /// Records that this process asks the pipeline to stop: its submission, or a shutdown.
    pub(crate) fn tell_to_stop(&self, id: &PipelineId) {
        self.seen_of(id).is_told_to_stop = true;
    }

    /// Whether this process has asked the pipeline to stop.
    pub(crate) fn is_told_to_stop(&self) -> bool {
        self.seen().is_told_to_stop
    }

    /// Records that a reply arrived at this time that showed the job, or its absence.
    pub(super) fn observed(&self, at: Instant) {
        let mut seen = self.seen();
        seen.observed = seen.observed.max(Some(at));
    }

    /// The job to look for in a list of all jobs, and when it was last observed: a list that was requested before shows less. `None` if the
    /// job must be looked at by itself, because it has not been seen yet or we have asked it to stop.
    pub(super) fn to_find_in_a_list(&self) -> Option<(JobId, Instant)> {
        let seen = self.seen();
        let job = seen.job.clone().filter(|_| !seen.is_told_to_stop)?;
        Some((job, seen.observed?))
    }

    /// Records that a request that starts the job was sent, and may have been accepted.
    pub(crate) fn starts(&self, id: &PipelineId) {
        self.seen_of(id).started_at = Some(Instant::now());
    }

    /// How long ago such a request was answered, or given up.
    pub(crate) fn since_start(&self) -> Option<Duration> {
        self.seen().started_at.map(|at| at.elapsed())
    }

    /// Records that the pipeline was started again after it had been asked to stop.
    pub(crate) fn goes_on(&self, id: &PipelineId) {
        self.seen_of(id).is_told_to_stop = false;
    }

    /// Whether such a request was sent so shortly before that a node that lags behind still shows what was before.
    pub(crate) fn was_just_started(&self) -> bool {
        self.since_start()
            .is_some_and(|elapsed| elapsed < GONE_AFTER)
    }

    /// Records that a request that changes the run of the job was sent, and may have been accepted.
    pub(crate) fn changes(&self, id: &PipelineId) {
        self.seen_of(id).changed_at = Some(Instant::now());
    }

    /// Whether such a request was sent so shortly before that the run that is shown may be the one before.
    pub(crate) fn was_just_changed(&self) -> bool {
        let changed_at = self.seen().changed_at;
        changed_at.is_some_and(|changed_at| changed_at.elapsed() < TWO_TICKS)
    }

    /// Records that the server has answered about the job or its rows.
    pub(crate) fn heard(&self) {
        self.seen().silent_since = None;
    }

    /// Records that the server is asked about the job. A poll that is dropped before its answer counts as unanswered.
    pub(super) fn asked(&self) {
        self.seen().silent_since.get_or_insert_with(Instant::now);
    }

    /// How long the server has not answered about the job.
    pub(crate) fn silence(&self) -> Duration {
        let since = self.seen().silent_since;
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Records that the server knows the pipeline.
    pub(super) fn is_known(&self) {
        self.seen().missing_since = None;
    }

    /// Records that the server does not know the pipeline, and returns since when, and whether it ever existed.
    pub(super) fn is_missing(&self) -> (Instant, bool) {
        let mut seen = self.seen();
        // Not since it was last seen: the pause after that may have been long.
        let since = *seen.missing_since.get_or_insert_with(Instant::now);
        (since, seen.was_there)
    }

    /// Whether the server did not know the pipeline when it was last asked.
    pub(super) fn is_missing_now(&self) -> bool {
        self.seen().missing_since.is_some()
    }

    /// Whether it is known which job the pipeline has.
    pub(crate) fn knows_job(&self) -> bool {
        self.seen().job.is_some()
    }

    /// Whether this is another job than the one seen last: the pipeline was deleted and created again.
    pub(super) fn is_another(&self, job: &Job) -> bool {
        let mut seen = self.seen();
        let is_another = seen.job.as_ref().is_some_and(|known| *known != job.id);
        seen.is_replaced |= is_another;
        is_another
    }

    /// The job that was seen last.
    pub(crate) fn job(&self) -> Option<JobId> {
        self.seen().job.clone()
    }

    /// Whether both have seen the same job, or neither has seen one.
    pub(crate) fn has_same_job(&self, other: &Self) -> bool {
        self.job() == other.job()
    }

    /// Records which job the pipeline has; `true` if another one was known: the pipeline was deleted and created again.
    pub(crate) fn is_replaced_by(&self, id: &PipelineId, job: &JobId) -> bool {
        let mut seen = self.seen_of(id);
        seen.is_replaced = false;
        let before = seen.job.replace(job.clone());
        before.is_some_and(|before| before != *job)
    }

    /// Records which job a pipeline has that may be resumed, unless more is known.
    pub(crate) fn meets(&self, id: &PipelineId, job: &JobId) {
        let mut seen = self.seen();
        if seen.pipeline.get_or_insert_with(|| id.clone()) == id {
            seen.job.get_or_insert_with(|| job.clone());
        }
    }

    /// Whether another pipeline has been seen under the id.
    pub(crate) fn is_replaced(&self) -> bool {
        self.seen().is_replaced
    }

    /// Records that we have created the pipeline: whatever was seen under its id before is gone.
    pub(crate) fn is_new(&self, id: &PipelineId) {
        let mut seen = self.seen_of(id);
        seen.job = None;
        seen.is_replaced = false;
        seen.missing_since = None;
    }

    /// Records an observation of the job, and returns the transition if it is a new one.
    pub(super) fn saw(
        &self,
        id: &PipelineId,
        job: &Job,
        elapsed: Duration,
    ) -> Option<JobTransition> {
        let mut seen = self.seen();
        seen.was_there = true;
        seen.is_replaced = false;
        seen.job = Some(job.id.clone());
        if seen.reported.as_ref().is_some_and(|last| last.shows(job)) {
            return None;
        }
        let transition = JobTransition::new(id, job, elapsed);
        seen.reported = Some(transition.clone());
        Some(transition)
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        // Nothing that runs under the lock can panic halfway through a change.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was observed of this pipeline; observations of another one are dropped.
    fn seen_of(&self, id: &PipelineId) -> MutexGuard<'_, Seen> {
        let mut seen = self.seen();
        if seen.pipeline.as_ref() != Some(id) {
            *seen = Seen {
                pipeline: Some(id.clone()),
                name: seen.name.take(),
                ..Seen::default()
            };
        }
        seen
    }
}

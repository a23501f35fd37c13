//! What a submission has observed of its job: see [`Sight`].

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use stepwell_arroyo::{Job, JobId, PipelineId};
use tokio::time::Instant;

use super::record::Record;
use crate::observe::JobTransition;

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
    /// The pipeline that the job belongs to.
    pipeline: Option<PipelineId>,
    /// The job that was seen last.
    job: Option<JobId>,
    /// The last reported transition.
    reported: Option<JobTransition>,
    was_there: bool,
    /// Whether this process has asked the pipeline to stop.
    is_told_to_stop: bool,
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

    /// Records that the pipeline exists.
    pub(crate) fn was_there(&self, id: &PipelineId) {
        self.seen_of(id).was_there = true;
    }

    /// Records that this process asks the pipeline to stop: its submission, or a shutdown.
    pub(crate) fn tell_to_stop(&self, id: &PipelineId) {
        self.seen_of(id).is_told_to_stop = true;
    }

    /// Whether this process has asked the pipeline to stop.
    pub(super) fn is_told_to_stop(&self) -> bool {
        self.seen().is_told_to_stop
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

    /// Records that the server does not know the pipeline, and returns since when, if it ever existed.
    pub(super) fn is_missing(&self) -> Option<Instant> {
        let mut seen = self.seen();
        // Not since it was last seen: the pause after that may have been long.
        let since = *seen.missing_since.get_or_insert_with(Instant::now);
        seen.was_there.then_some(since)
    }

    /// Whether this is another job than the one seen last: the pipeline was deleted and created again.
    pub(super) fn is_another(&self, job: &Job) -> bool {
        let seen = self.seen();
        seen.job.as_ref().is_some_and(|known| *known != job.id)
    }

    /// Records that we have created the pipeline: whatever was seen under its id before is gone.
    pub(crate) fn is_new(&self, id: &PipelineId) {
        let mut seen = self.seen_of(id);
        seen.job = None;
        seen.missing_since = None;
    }

    /// Records which job the pipeline has.
    pub(crate) fn has_job(&self, id: &PipelineId, job: &JobId) {
        self.seen_of(id).job = Some(job.clone());
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
                ..Seen::default()
            };
        }
        seen
    }
}

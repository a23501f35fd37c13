//! Looking at one job again and again.

use std::time::Duration;

use http::StatusCode;
use stepwell_arroyo::{ClientError, Job, PipelineId};
use tokio::time::Instant;

use super::{LastSeen, Trouble, WaitError, trouble::TroubleWatch, verdict::Baseline};
use crate::{
    observe::{Event, JobTransition, Step},
    session::{
        Backoff, Deadline, FailureStreak, Session,
        retryable::{GONE_AFTER, is_cut_short, is_gone},
    },
};

/// Looks at one job, reports its transitions, and tolerates what may pass.
pub(super) struct Watch<'a> {
    session: &'a Session,
    id: &'a PipelineId,
    deadline: Deadline,
    trouble: TroubleWatch<'a>,
    last_seen: LastSeen,
    reported: Option<JobTransition>,
    failures: FailureStreak,
    /// When the server last said something of the job.
    heard: Instant,
    seen_once: bool,
    /// Since when the server does not know it.
    missing: Option<Instant>,
    retries: Backoff,
    /// The least pause before the next look: some when the last one failed.
    retry_pause: Duration,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        session: &'a Session,
        id: &'a PipelineId,
        deadline: Deadline,
        baseline: &Baseline,
    ) -> Self {
        Self {
            session,
            id,
            deadline,
            trouble: session.trouble_of(id, baseline.expected()),
            last_seen: LastSeen::Nothing,
            reported: None,
            failures: FailureStreak::new(Step::Wait),
            heard: Instant::now(),
            seen_once: false,
            missing: None,
            retries: retries(session),
            retry_pause: Duration::ZERO,
        }
    }

    /// One look; `None` when it failed in a way that may pass, or there is no job yet.
    pub(super) async fn look(&mut self) -> Result<Option<Job>, WaitError> {
        let left = self.deadline.for_a_request();
        let client = self.session.client_within(&self.deadline);
        let error = match self.trouble.beside(client.job(self.id)).await {
            Ok(job) => {
                self.session.answered(&mut self.failures);
                self.missing = None;
                self.retries = retries(self.session);
                self.retry_pause = Duration::ZERO;
                return Ok(self.note(job));
            }
            Err(error) => error,
        };
        if matches!(
            error.status(),
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        ) {
            return Err(WaitError::Rejected {
                id: self.id.clone(),
                source: error,
            });
        }
        if is_cut_short(&error, left, self.session.options.request_timeout) {
            return Ok(None);
        }
        if is_gone(&error) {
            // Not since it was last seen: the pause after that may have been long.
            let missing = self.missing.get_or_insert_with(Instant::now);
            // One that was never seen may be so new that it does not show; one that was seen and stays away has been deleted.
            if self.seen_once && missing.elapsed() >= GONE_AFTER {
                return Err(WaitError::Vanished {
                    id: self.id.clone(),
                });
            }
        }
        self.failed(error);
        Ok(None)
    }

    fn note(&mut self, job: Option<Job>) -> Option<Job> {
        let Some(job) = job else {
            self.last_seen = LastSeen::NoJob;
            return None;
        };
        self.heard = Instant::now();
        self.seen_once = true;
        self.last_seen = LastSeen::job(&job);
        if !self.reported.as_ref().is_some_and(|last| last.shows(&job)) {
            let transition = JobTransition::new(self.id, &job, self.deadline.elapsed());
            tracing::debug!(
                pipeline.id = %self.id, job.id = %job.id, job.state = %job.state, job.run_id = job.run_id,
                job.running_desired = job.running_desired, "job seen"
            );
            self.session.tell(&Event::JobState(transition.clone()));
            self.reported = Some(transition);
        }
        self.trouble.saw(&job);
        Some(job)
    }

    fn failed(&mut self, error: ClientError) {
        self.session.retrying(&mut self.failures, &error);
        self.retry_pause = self
            .retries
            .retry(error.retry_after(), &self.session.jitter);
        self.last_seen.failed(error);
    }

    /// The least pause before the next look. A server that fails many at once is not asked by all of them as often as one that answers.
    pub(super) fn retry_pause(&self) -> Duration {
        self.retry_pause
    }

    pub(super) async fn sleep(&mut self, pause: Duration) {
        self.trouble.beside(self.deadline.sleep(pause)).await;
    }

    /// The trouble that the job is in.
    pub(super) fn trouble(&self) -> Option<Box<Trouble>> {
        self.trouble.trouble().map(Box::new)
    }

    pub(super) fn silence(&self) -> Duration {
        self.heard.elapsed()
    }

    pub(super) fn into_last_seen(self) -> LastSeen {
        self.last_seen
    }
}

fn retries(session: &Session) -> Backoff {
    Backoff::new(Duration::from_millis(50), session.options.poll_ceiling)
}

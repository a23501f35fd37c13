//! Following the job of a pipeline: one [`Watch`] a wait; and [`Submission::ended`].

use std::{pin::pin, time::Duration};

use http::StatusCode;
use stepwell_arroyo::{ClientError, Job, JobState, PipelineId};
use tokio::time::Instant;
use tracing::Instrument;

use super::wait::{self, WaitError};
use crate::{
    Running, Submission, Trouble,
    baseline::Baseline,
    context::Context,
    error::Error,
    failures::Failures,
    last_seen::LastSeen,
    observer::{Event, JobTransition, Step},
    poll::{GONE_AFTER, is_cut_short, is_gone},
    time_limit::{Pace, TimeLimit},
    trouble::TroubleWatch,
};

/// Looks at one job, reports its transitions, and tolerates what may pass.
pub(super) struct Watch<'a> {
    context: &'a Context,
    id: &'a PipelineId,
    limit: TimeLimit,
    trouble: TroubleWatch<'a>,
    last_seen: LastSeen,
    reported: Option<JobTransition>,
    failures: Failures,
    /// When the server last said something of the job.
    heard: Instant,
    seen_once: bool,
    /// Since when the server does not know it.
    missing: Option<Instant>,
    retries: Pace,
    /// The least pause before the next look: some when the last one failed.
    retry_pause: Duration,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        context: &'a Context,
        id: &'a PipelineId,
        limit: TimeLimit,
        baseline: &Baseline,
    ) -> Self {
        Self {
            context,
            id,
            limit,
            trouble: context.trouble_of(id, baseline.expected()),
            last_seen: LastSeen::Nothing,
            reported: None,
            failures: Failures::new(Step::Wait),
            heard: Instant::now(),
            seen_once: false,
            missing: None,
            retries: retries(context),
            retry_pause: Duration::ZERO,
        }
    }

    /// One look; `None` when it failed in a way that may pass, or there is no job yet.
    pub(super) async fn look(&mut self) -> Result<Option<Job>, WaitError> {
        let left = self.limit.for_a_request();
        let client = self.context.client_within(&self.limit);
        let error = match self.trouble.beside(client.job(self.id)).await {
            Ok(job) => {
                self.context.answered(&mut self.failures);
                self.missing = None;
                self.retries = retries(self.context);
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
                source: Box::new(error),
            });
        }
        if is_cut_short(&error, left, self.context.options.request_timeout) {
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
            let transition = JobTransition::new(self.id, &job, self.limit.elapsed());
            tracing::debug!(
                pipeline.id = %self.id, job.id = %job.id, job.state = %job.state, job.run_id = job.run_id,
                job.running_desired = job.running_desired, "job seen"
            );
            self.context.tell(&Event::JobState(transition.clone()));
            self.reported = Some(transition);
        }
        self.trouble.saw(&job);
        Some(job)
    }

    fn failed(&mut self, error: ClientError) {
        self.context.retrying(&mut self.failures, &error);
        self.retry_pause = self
            .retries
            .retry(error.retry_after(), &self.context.jitter);
        self.last_seen.failed(error);
    }

    /// The least pause before the next look. A server that fails many at once is not asked by all of them as often as one that answers.
    pub(super) fn retry_pause(&self) -> Duration {
        self.retry_pause
    }

    pub(super) async fn sleep(&mut self, pause: Duration) {
        self.trouble.beside(self.limit.sleep(pause)).await;
    }

    /// The trouble that the job is in.
    pub(super) fn trouble(&self) -> Option<Box<Trouble>> {
        self.trouble.trouble().map(Box::new)
    }

    fn silence(&self) -> Duration {
        self.heard.elapsed()
    }

    pub(super) fn into_last_seen(self) -> LastSeen {
        self.last_seen
    }
}

fn retries(context: &Context) -> Pace {
    Pace::new(Duration::from_millis(50), context.options.poll_ceiling)
}

/// The end of a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The pipeline.
    pub id: PipelineId,
    /// The job at its end: Stopped, Finished or Failed.
    pub job: Job,
    /// The errors that a failed job has logged, newest first.
    pub errors: Vec<stepwell_arroyo::JobError>,
    /// The trouble that the job was in until then.
    pub trouble: Option<Trouble>,
}

impl Ended {
    /// The end as the error that it is for somebody who wanted the job to go on.
    pub fn into_error(self) -> WaitError {
        WaitError::of_end(self)
    }
}

/// What the server says of a pipeline now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The pipeline.
    pub pipeline: stepwell_arroyo::Pipeline,
    /// Its job, if it has one.
    pub job: Option<Job>,
}

impl Submission<Running> {
    /// Waits until the job has ended: Finished, Failed, or stopped by somebody.
    ///
    /// Reads `GET /api/v1/pipelines/{id}/jobs`. It has no deadline of its own, for a stream has none, but fails when the server has not
    /// answered for [`Options::silence_timeout`](crate::Options::silence_timeout). A job that recovers, or that somebody restarts, has
    /// not ended.
    ///
    /// # Errors
    ///
    /// [`Error::Wait`] when the pipeline vanished or the server fell silent, [`Error::ShutdownBegun`]. A failed job is not an error
    /// here: it is an end.
    ///
    /// # Cancel safety
    ///
    /// Safe, and the submission is only borrowed: drop it and call it again as you like.
    pub async fn ended(&self) -> Result<Ended, Error> {
        let span = tracing::info_span!("ended", pipeline.id = %self.id());
        let work = pin!(self.watch_to_the_end());
        self.context.unless_begun(work).instrument(span).await
    }

    async fn watch_to_the_end(&self) -> Result<Ended, Error> {
        let context = &self.context;
        let mut watch = Watch::new(
            context,
            self.id(),
            TimeLimit::new(Duration::MAX),
            &self.state.registered.baseline,
        );
        let mut pace = context.poll_pace();
        loop {
            if let Some(job) = watch.look().await? {
                let ended = match job.state {
                    JobState::Finished | JobState::Failed => true,
                    // Stopped and meant to run: about to start again.
                    JobState::Stopped => !job.running_desired,
                    _ => false,
                };
                if ended {
                    return Ok(wait::ended(context, self.id(), job, watch.trouble()).await);
                }
            }
            if watch.silence() >= context.options.silence_timeout {
                return Err(WaitError::Silence {
                    id: self.id().clone(),
                    silence: watch.silence(),
                    trouble: watch.trouble(),
                    source: Box::new(watch.into_last_seen()),
                }
                .into());
            }
            // However long the server asks for, it is silent when the time for that is over.
            let left = context
                .options
                .silence_timeout
                .saturating_sub(watch.silence());
            let pause = pace.pause(&context.jitter);
            watch.sleep(pause.max(watch.retry_pause().min(left))).await;
        }
    }
}

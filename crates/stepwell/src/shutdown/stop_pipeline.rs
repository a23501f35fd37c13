//! How one pipeline is stopped, by `stop` and by a shutdown alike.

use std::{sync::Mutex, time::Duration};

use stepwell_arroyo::{
    Checkpoint, Client, ClientError, Job, JobState, PatchPipeline, PipelineId, StopMode,
};
use tokio::time::Instant;

pub use super::stop_error::StopError;
use super::{
    Escalation,
    final_checkpoint::{Evidence, Finding, finding_afterwards},
    stop_error::{ResumedSnafu, VanishedSnafu},
};
use crate::{
    job::{
        LastSeen, PollInterval,
        trouble::{Expected, Record, TroubleWatch},
        verdict::{Baseline, TWO_TICKS},
    },
    observe::{Event, JobTransition, Observation, Step},
    session::{
        Backoff, Deadline, FailureStreak, Jitter, Session,
        retryable::{GONE_AFTER, is_cut_short, is_gone, may_pass},
        to_completion,
    },
};

/// The end of a pipeline that was told to stop.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) job: Job,
    /// Whether a final checkpoint was made; `None` when that is not known.
    pub(crate) final_checkpoint: Option<bool>,
}

/// What is known of the job while it is being stopped.
struct Sight<'a> {
    trouble: TroubleWatch<'a>,
    began: Instant,
    last: LastSeen,
    reported: Option<JobTransition>,
    retries: Backoff,
    failures: FailureStreak,
    /// The least pause before the next look: some when the last one failed.
    retry_pause: Duration,
}

pub(crate) struct Stop<'a> {
    pub(crate) client: &'a Client,
    pub(crate) id: &'a PipelineId,
    pub(crate) mode: StopMode,
    pub(crate) escalations: &'a [Escalation],
    pub(crate) deadline: Deadline,
    pub(crate) request_timeout: Duration,
    pub(crate) poll_ceiling: Duration,
    pub(crate) observation: &'a Observation,
    pub(crate) jitter: &'a Jitter,
    /// What was seen of the job before.
    pub(crate) record: &'a Mutex<Record>,
    pub(crate) expected: Expected,
}

impl<'a> Stop<'a> {
    /// The stop of one submission's pipeline.
    pub(crate) fn of(
        session: &'a Session,
        id: &'a PipelineId,
        mode: StopMode,
        baseline: &Baseline,
        deadline: Deadline,
    ) -> Self {
        let options = &session.options;
        Self {
            client: &session.client,
            id,
            mode,
            escalations: &[],
            deadline,
            request_timeout: options.request_timeout,
            poll_ceiling: options.poll_ceiling,
            observation: &options.observation,
            jitter: &session.jitter,
            record: &session.trouble,
            expected: baseline.expected(),
        }
    }

    /// Stops it and waits until it was seen Stopped, Finished or Failed with `running_desired: false`.
    pub(crate) async fn run(&self) -> Result<Ending, StopError> {
        let mut sight = Sight {
            trouble: TroubleWatch::new(
                self.record,
                self.client,
                self.request_timeout,
                self.observation,
                self.id,
                self.expected,
            ),
            began: Instant::now(),
            last: LastSeen::Nothing,
            reported: None,
            retries: self.retries(),
            failures: FailureStreak::new(Step::Stop),
            retry_pause: Duration::ZERO,
        };
        let (job, mut evidence) = self.look_before(&mut sight).await?;
        let job = match job {
            Some(job) if has_ended(&job) => return Ok(self.ending(job, finding_afterwards).await),
            job => job,
        };
        let is_told_by_looks = job.as_ref().is_some_and(|job| job.pipeline_id.is_none());
        let interval_anew =
            || PollInterval::to_stopped(self.poll_ceiling).closely(is_told_by_looks);
        let mut state = job.map(|job| job.state);
        let mut pending: Vec<(Duration, StopMode)> = vec![(Duration::ZERO, self.mode.clone())];
        pending.extend(
            self.escalations
                .iter()
                .map(|step| (step.after, step.mode.clone())),
        );
        let mut pending = pending.into_iter().peekable();
        let mut resumed_since: Option<Instant> = None;
        let mut interval = interval_anew();
        loop {
            // Sent to a job in CheckpointStopping, `force` breaks the server's task for it.
            let held_back = |mode: &StopMode| {
                *mode == StopMode::Force && state == Some(JobState::CheckpointStopping)
            };
            if let Some((_, mode)) =
                pending.next_if(|(after, mode)| sight.began.elapsed() >= *after && !held_back(mode))
            {
                evidence.asks(&mode);
                self.ask(mode, &mut sight).await?;
                resumed_since = None;
                interval = interval_anew();
            }
            if let Some(job) = self.look(&mut sight).await? {
                evidence.saw(&job);
                if has_ended(&job) {
                    if evidence.is_lost() {
                        let final_checkpoint = None;
                        return Ok(Ending {
                            job,
                            final_checkpoint,
                        });
                    }
                    let finding = |job: &Job, after: &[Checkpoint]| evidence.finding(job, after);
                    return Ok(self.ending(job, finding).await);
                }
                interval.saw(&job);
                if job.running_desired {
                    // The server shows an accepted stop at once, so another client has told the job to run.
                    let since = *resumed_since.get_or_insert_with(Instant::now);
                    snafu::ensure!(
                        since.elapsed() < TWO_TICKS,
                        ResumedSnafu {
                            id: self.id.clone()
                        }
                    );
                } else {
                    resumed_since = None;
                }
                state = Some(job.state);
            }
            if self.deadline.is_over() {
                return Err(self.too_late(&mut sight));
            }
            // What the server asks for does not put off an escalation.
            let until_next = pending.peek().map_or(Duration::MAX, |(after, _)| {
                after.saturating_sub(sight.began.elapsed())
            });
            let retry_pause = sight.retry_pause.min(until_next);
            let pause = interval.pause(self.jitter).max(retry_pause);
            sight.trouble.beside(self.deadline.sleep(pause)).await;
        }
    }

    /// Sends the stop until it is accepted. Repeating it is safe: it sets a wish, it does not count.
    async fn ask(&self, mode: StopMode, sight: &mut Sight<'_>) -> Result<(), StopError> {
        let mut pace = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        loop {
            // Its whole time, even past the deadline: one that is cut is aborted midway by the server.
            let client = self.client.within(self.request_timeout);
            let id = self.id.clone();
            let patch = PatchPipeline::new().stop(mode.clone());
            tracing::debug!(pipeline.id = %id, mode = %mode, "asking the pipeline to stop");
            let sent = to_completion(async move { client.patch(&id, &patch).await });
            let Err(error) = sight.trouble.beside(sent).await else {
                sight.failures.answered(self.observation);
                return Ok(());
            };
            let is_gone = is_gone(&error);
            if is_gone && sight.is_deleted() {
                return VanishedSnafu {
                    id: self.id.clone(),
                }
                .fail();
            }
            if !is_gone && !may_pass(&error) {
                return Err(StopError::Rejected {
                    id: self.id.clone(),
                    source: error,
                });
            }
            let pause = pace.retry(self.asked(&error), self.jitter);
            sight.failures.failed(self.observation, &error);
            sight.last.failed(error);
            if self.deadline.is_over() {
                return Err(self.too_late(sight));
            }
            sight.trouble.beside(self.deadline.sleep(pause)).await;
        }
    }

    /// Looks at the job once. What may pass is noted and `None`.
    async fn look(&self, sight: &mut Sight<'_>) -> Result<Option<Job>, StopError> {
        let left = self.deadline.for_a_request();
        let client = self.client();
        match sight.trouble.beside(client.job(self.id)).await {
            Ok(job) => {
                sight.failures.answered(self.observation);
                sight.retries = self.retries();
                sight.retry_pause = Duration::ZERO;
                sight.last = job.as_ref().map_or(LastSeen::NoJob, LastSeen::job);
                if let Some(job) = &job
                    && !sight.reported.as_ref().is_some_and(|last| last.shows(job))
                {
                    let transition = JobTransition::new(self.id, job, self.deadline.elapsed());
                    self.observation.tell(&Event::JobState(transition.clone()));
                    sight.reported = Some(transition);
                }
                if let Some(job) = &job {
                    sight.trouble.saw(job);
                }
                Ok(job)
            }
            Err(error) if is_cut_short(&error, left, self.request_timeout) => Ok(None),
            Err(error) if is_gone(&error) && sight.is_deleted() => VanishedSnafu {
                id: self.id.clone(),
            }
            .fail(),
            Err(error) if is_gone(&error) || may_pass(&error) => {
                sight.retry_pause = sight.retries.retry(self.asked(&error), self.jitter);
                sight.failures.failed(self.observation, &error);
                sight.last.failed(error);
                Ok(None)
            }
            Err(error) => Err(StopError::Rejected {
                id: self.id.clone(),
                source: error,
            }),
        }
    }

    /// Looks at the job and at its checkpoints before anything is asked of it, at the job alone if it has ended.
    async fn look_before(
        &self,
        sight: &mut Sight<'_>,
    ) -> Result<(Option<Job>, Evidence), StopError> {
        let job = self.look(sight).await?;
        let Some(seen) = job.as_ref().filter(|job| !has_ended(job)) else {
            return Ok((job, Evidence::default()));
        };
        let mut evidence = Evidence::before(seen, self.checkpoints(seen).await);
        if !evidence.may_be_late(seen) {
            return Ok((job, evidence));
        }
        // Somebody else's stop may have come between the two looks.
        let again = self.look(sight).await?;
        match &again {
            Some(again) => evidence.saw_before(again),
            None => evidence.missed_before(),
        }
        Ok((again.or(job), evidence))
    }

    async fn checkpoints(&self, job: &Job) -> Option<Vec<Checkpoint>> {
        self.client().checkpoints(self.id, &job.id).await.ok()
    }

    /// The end of the job, with what its checkpoints come to.
    async fn ending(
        &self,
        job: Job,
        finding: impl FnOnce(&Job, &[Checkpoint]) -> Finding + Send,
    ) -> Ending {
        let checkpoints = self.checkpoints(&job).await;
        let final_checkpoint = match checkpoints.map(|after| finding(&job, &after)) {
            Some(Finding::Known(was_made)) => Some(was_made),
            None | Some(Finding::NotKnown) => None,
            Some(Finding::MadeIfStillAsked) => {
                let pipeline = self.client().pipeline(self.id).await.ok();
                pipeline
                    .is_some_and(|pipeline| pipeline.stop == StopMode::Checkpoint)
                    .then_some(true)
            }
        };
        Ending {
            job,
            final_checkpoint,
        }
    }

    /// How long the server wants to be left alone, as far as that leaves time for some tries more: what is not told to stop runs on when
    /// this process has ended.
    fn asked(&self, error: &ClientError) -> Option<Duration> {
        let asked = error.retry_after()?;
        Some(asked.min(self.deadline.remaining() / 4))
    }

    fn client(&self) -> Client {
        self.client
            .within(self.request_timeout.min(self.deadline.for_a_request()))
    }

    fn retries(&self) -> Backoff {
        Backoff::new(Duration::from_millis(50), self.poll_ceiling)
    }

    fn too_late(&self, sight: &mut Sight<'_>) -> StopError {
        let seen = std::mem::replace(&mut sight.last, LastSeen::Nothing);
        StopError::Deadline {
            id: self.id.clone(),
            elapsed: self.deadline.elapsed(),
            trouble: sight.trouble.trouble().map(Box::new),
            source: Box::new(seen),
        }
    }
}

impl Sight<'_> {
    /// Whether a server that does not know the pipeline has had it deleted: it was there, or had the time to show.
    fn is_deleted(&self) -> bool {
        self.last.state().is_some() || self.began.elapsed() >= GONE_AFTER
    }
}

/// Ended, and meant to stay so.
pub(crate) fn has_ended(job: &Job) -> bool {
    job.state.is_terminal() && !job.running_desired
}

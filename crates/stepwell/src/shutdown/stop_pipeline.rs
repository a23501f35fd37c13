//! Stops one pipeline, for `stop` and for a shutdown.

use std::{sync::Arc, time::Duration};

use stepwell_arroyo::{
    Checkpoint, Client, ClientError, Job, JobState, Operation, PatchPipeline, PipelineId, StopMode,
};
use tokio::time::Instant;

use super::{
    Escalation,
    final_checkpoint::{Evidence, Finding, finding_afterwards},
    stop_error::{ResumedSnafu, StopError, VanishedSnafu},
};
use crate::{
    job::{
        PollInterval,
        ended::stays_ended,
        record::Expected,
        sight::Sight,
        verdict::{Baseline, TWO_TICKS},
        watch::{Look, Watch},
    },
    observe::Step,
    session::{
        Deadline, Requester, Session,
        retry::{Next, Request, is_gone},
        to_completion,
    },
};

/// How a pipeline ended that was asked to stop.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) job: Job,
    /// Whether a final checkpoint was taken; `None` if that is unknown.
    pub(crate) final_checkpoint: Option<bool>,
}

/// Why the tries to send a stop ended without an answer.
enum NotAsked {
    /// The pipeline was deleted.
    Vanished,
    /// The other requests of the shutdown took all the time.
    InTime,
}

pub(crate) struct Stop<'a> {
    pub(crate) requester: &'a Requester,
    pub(crate) id: &'a PipelineId,
    pub(crate) sight: &'a Arc<Sight>,
    pub(crate) mode: StopMode,
    pub(crate) escalations: &'a [Escalation],
    pub(crate) deadline: Deadline,
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
        Self {
            requester: &session.requester,
            id,
            sight: &session.sight,
            mode,
            escalations: &[],
            deadline,
            expected: baseline.expected(),
        }
    }

    /// Stops the pipeline and waits until it was seen Stopped, Finished or Failed with `running_desired: false`.
    pub(crate) async fn run(&self) -> Result<Ending, StopError> {
        let (requester, id, deadline) = (self.requester, self.id, &self.deadline);
        let began = Instant::now();
        let mut watch = Watch::new(
            requester,
            id,
            self.sight,
            Step::Stop,
            deadline,
            self.expected,
        );
        let (job, mut evidence) = self.look_before(&mut watch).await?;
        let job = match job {
            Some(job) if stays_ended(&job) => {
                let ending = self.ending(job, finding_afterwards);
                return Ok(watch.beside(ending).await);
            }
            job => job,
        };
        let is_told_by_looks = job.as_ref().is_some_and(|job| job.pipeline_id.is_none());
        let interval_anew =
            || PollInterval::to_stopped(requester.poll_ceiling).closely(is_told_by_looks);
        let mut state = job.map(|job| job.state);
        let mut has_asked = false;
        let mut pending = self.asked_for().peekable();
        let mut resumed_since: Option<Instant> = None;
        let mut interval = interval_anew();
        loop {
            // In CheckpointStopping, `force` would break the server's task for the job. What the job was in before the last request or
            // before a look that failed does not rule that out.
            let held_back = |mode: &StopMode| {
                let is_unknown = has_asked && state.is_none();
                *mode == StopMode::Force
                    && (is_unknown || state == Some(JobState::CheckpointStopping))
            };
            if let Some((_, mode)) =
                pending.next_if(|(after, mode)| began.elapsed() >= *after && !held_back(mode))
            {
                evidence.asks(&mode);
                self.ask(mode, &mut watch).await?;
                has_asked = true;
                resumed_since = None;
                interval = interval_anew();
            }
            state = None;
            if let Some(job) = self.look(&mut watch).await? {
                evidence.saw(&job);
                if stays_ended(&job) {
                    if evidence.is_lost() {
                        let final_checkpoint = None;
                        return Ok(Ending {
                            job,
                            final_checkpoint,
                        });
                    }
                    let finding = |job: &Job, after: &[Checkpoint]| evidence.finding(job, after);
                    let ending = self.ending(job, finding);
                    return Ok(watch.beside(ending).await);
                }
                interval.saw(&job);
                if job.running_desired {
                    let since = *resumed_since.get_or_insert_with(Instant::now);
                    let id = id.clone();
                    snafu::ensure!(since.elapsed() < TWO_TICKS, ResumedSnafu { id });
                } else {
                    resumed_since = None;
                }
                state = Some(job.state);
            }
            if deadline.is_over() {
                return Err(self.too_late(&mut watch));
            }
            // `Retry-After` does not delay an escalation.
            let until_next = pending.peek().map_or(Duration::MAX, |(after, _)| {
                after.saturating_sub(began.elapsed())
            });
            let retry_pause = watch.retry_pause().min(until_next);
            let pause = interval.pause(&requester.jitter).max(retry_pause);
            watch.sleep(pause).await;
        }
    }

    /// The modes to request, and how long after the stop began.
    fn asked_for(&self) -> impl Iterator<Item = (Duration, StopMode)> {
        let escalations = self
            .escalations
            .iter()
            .map(|step| (step.after, step.mode.clone()));
        std::iter::once((Duration::ZERO, self.mode.clone())).chain(escalations)
    }

    /// Sends the stop until it is accepted. Repeating it is safe, because it sets desired state.
    async fn ask(&self, mode: StopMode, watch: &mut Watch) -> Result<(), StopError> {
        let id = self.id;
        tracing::debug!(pipeline.id = %id, mode = %mode, "asking the pipeline to stop");
        self.sight.tell_to_stop(id);
        let patch = PatchPipeline::new().stop(mode);
        let is_deleted = watch.deletion();
        let asked = watch.tries(Request::Stop).run(|client| {
            let (owned, patch) = (id.clone(), patch.clone());
            let is_deleted = is_deleted.clone();
            async move {
                let permit = self.requester.permit(&self.deadline).await;
                let permit = permit.ok_or(NotAsked::InTime)?;
                let cut_off = || self.requester.client.cut_off(Operation::Patch, id.as_str());
                let sending = async move {
                    let answer = client.patch(&owned, &patch).await;
                    drop(permit);
                    answer
                };
                let sent = to_completion(sending, cut_off);
                match sent.await {
                    Err(error) if is_gone(&error) && is_deleted() => Err(NotAsked::Vanished),
                    answer => Ok(answer),
                }
            }
        });
        match watch.beside(asked).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if Request::Stop.next(&error) == Next::GiveUp => {
                Err(self.rejected(error))
            }
            Ok(Err(error)) => {
                watch.note_failure(error);
                Err(self.too_late(watch))
            }
            Err(NotAsked::InTime) => Err(self.too_late(watch)),
            Err(NotAsked::Vanished) => VanishedSnafu { id: id.clone() }.fail(),
        }
    }

    /// Polls the job once; `None` if that failed in a way that may be temporary.
    async fn look(&self, watch: &mut Watch) -> Result<Option<Job>, StopError> {
        match watch.look().await {
            Look::Job(job) => Ok(Some(job)),
            Look::NoJob | Look::Failed => Ok(None),
            Look::Vanished => VanishedSnafu {
                id: self.id.clone(),
            }
            .fail(),
            Look::Rejected(error) => Err(self.rejected(error)),
        }
    }

    /// Reads the job and its checkpoints before anything is requested of it; only the job if it has ended.
    async fn look_before(&self, watch: &mut Watch) -> Result<(Option<Job>, Evidence), StopError> {
        let job = self.look(watch).await?;
        let Some(seen) = job.as_ref().filter(|job| !stays_ended(job)) else {
            return Ok((job, Evidence::default()));
        };
        let mut evidence = Evidence::before(seen, watch.beside(self.checkpoints(seen)).await);
        if !evidence.may_be_late(seen) {
            return Ok((job, evidence));
        }
        // Another client's stop may have come between the two reads.
        let again = self.look(watch).await?;
        match &again {
            Some(again) => evidence.saw_before(again),
            None => evidence.missed_before(),
        }
        Ok((again.or(job), evidence))
    }

    async fn checkpoints(&self, job: &Job) -> Option<Vec<Checkpoint>> {
        let _permit = self.requester.permit(&self.deadline).await?;
        self.client().checkpoints(self.id, &job.id).await.ok()
    }

    /// How the job ended, with what its checkpoints prove.
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
                let permit = self.requester.permit(&self.deadline).await;
                let pipeline = self.client().pipeline(self.id).await.ok();
                drop(permit);
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

    fn client(&self) -> Client {
        self.requester.client_within(&self.deadline)
    }

    fn rejected(&self, error: ClientError) -> StopError {
        StopError::Rejected {
            id: self.id.clone(),
            source: error,
        }
    }

    fn too_late(&self, watch: &mut Watch) -> StopError {
        StopError::Deadline {
            id: self.id.clone(),
            elapsed: self.deadline.elapsed(),
            trouble: watch.trouble(),
            source: Box::new(watch.take_last_seen()),
        }
    }
}

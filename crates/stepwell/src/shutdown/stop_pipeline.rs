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
        retry::{GONE_AFTER, Next, Request, Tries, is_gone},
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
            // Not the end before a start that was just accepted.
            Some(job) if stays_ended(&job) && !self.sight.was_just_started() => {
                let ending = self.ending(job, finding_afterwards);
                return Ok(watch.beside(ending).await);
            }
            job => job,
        };
        let is_told_by_looks = job.as_ref().is_some_and(|job| job.pipeline_id.is_none());
        let interval_anew =
            || PollInterval::to_stopped(requester.poll_ceiling).closely(is_told_by_looks);
        let mut state = job.map(|job| job.state);
        let patience = GONE_AFTER.min(deadline.remaining() / 2);
        let mut has_asked = false;
        let mut unseen_since = state.is_none().then_some(began);
        let mut is_accepted = false;
        let mut pending = self.asked_for().peekable();
        let mut resumed_since: Option<Instant> = None;
        let mut interval = interval_anew();
        let mut tries = watch.tries(Request::Stop);
        loop {
            // In CheckpointStopping, `force` would break the server's task for the job. What the job was in before the last request or
            // before a look that failed does not rule that out.
            let held_back = |mode: &StopMode| {
                let is_unknown = has_asked && state.is_none();
                *mode == StopMode::Force
                    && (is_unknown || state == Some(JobState::CheckpointStopping))
            };
            // Another client may have deleted the pipeline and made one anew under its id: only a look at the job tells the two apart.
            let may_ask = state.is_some()
                || !self.sight.knows_job()
                || !watch.is_missing()
                    && unseen_since.is_some_and(|since| since.elapsed() >= patience);
            let due = pending
                .peek()
                .filter(|(after, mode)| began.elapsed() >= *after && !held_back(mode));
            let mut is_to_be_repeated = false;
            if let Some((_, mode)) = due.filter(|_| may_ask) {
                evidence.asks(mode);
                has_asked = true;
                match self.ask(mode.clone(), &mut tries, &mut watch).await? {
                    None => {
                        pending.next();
                        is_accepted = true;
                    }
                    Some(pause) => {
                        watch.sleep(pause).await;
                        is_to_be_repeated = true;
                    }
                }
                resumed_since = None;
                interval = interval_anew();
            }
            state = None;
            let asked = Instant::now();
            unseen_since.get_or_insert(asked);
            if let Some(job) = self.look(&mut watch).await? {
                unseen_since = None;
                evidence.saw(&job);
                if stays_ended(&job) && (is_accepted || !self.sight.was_just_started()) {
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
            if is_to_be_repeated {
                continue;
            }
            if deadline.is_over() {
                return Err(self.too_late(&mut watch));
            }
            let retry_pause = retry_pause(&watch, pending.peek(), began);
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

    /// Sends the stop once; after a failure, the pause before it may be sent again. Repeating it is safe, because it sets desired state.
    async fn ask(
        &self,
        mode: StopMode,
        tries: &mut Tries,
        watch: &mut Watch,
    ) -> Result<Option<Duration>, StopError> {
        let (id, requester) = (self.id, self.requester);
        watch.lend(tries);
        tracing::debug!(pipeline.id = %id, mode = %mode, "asking the pipeline to stop");
        self.sight.tell_to_stop(id);
        let Some(permit) = watch.beside(requester.permit(&self.deadline)).await else {
            return Err(self.too_late(watch));
        };
        let patch = PatchPipeline::new().stop(mode);
        let (client, left) = tries.client();
        let owned = id.clone();
        let sending = async move {
            let answer = client.patch(&owned, &patch).await;
            drop(permit);
            answer
        };
        let cut_off = || requester.client.cut_off(Operation::Patch, id.as_str());
        let Err(error) = watch.beside(to_completion(sending, cut_off)).await else {
            tries.answered();
            watch.is_known();
            return Ok(None);
        };
        if is_gone(&error) && watch.deletion()() {
            return VanishedSnafu { id: id.clone() }.fail();
        }
        let pause = tries.pause(error, left);
        watch.take_back(tries);
        match pause {
            Ok(pause) => Ok(Some(pause)),
            Err(error) if Request::Stop.next(&error) == Next::GiveUp => Err(self.rejected(error)),
            Err(error) => {
                watch.note_failure(error);
                Err(self.too_late(watch))
            }
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

/// The pause after a look that failed. `Retry-After` does not delay an escalation.
fn retry_pause(watch: &Watch, next: Option<&(Duration, StopMode)>, began: Instant) -> Duration {
    let until_next = next.and_then(|(after, _)| after.checked_sub(began.elapsed()));
    watch.retry_pause().min(until_next.unwrap_or(Duration::MAX))
}

//! Resuming a pipeline, by the state it is in.

use std::{num::NonZeroU32, time::Duration};

use http::StatusCode;
use stepwell_arroyo::{
    Client, ClientError, Job, JobState, PatchPipeline, Phase, Pipeline, RestartPipeline, StopMode,
};

use super::{Action, PipelineSummary, PlannedRequest, ResolveError};
use crate::{
    error::Error,
    job::{
        LastSeen,
        verdict::{Baseline, TWO_TICKS},
    },
    observe::{Event, JobTransition, Step},
    session::{
        Backoff, Deadline, FailureStreak, Session,
        retryable::{is_gone, may_be_repeated},
        to_completion,
    },
    shutdown::registry::{Target, WriteGuard},
    spec::{PipelineSpec, WhenUdfsDiffer},
};

/// What has to be done to a pipeline so that it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResumePlan {
    /// It has to come to its end first (Finishing, Failing); then look again.
    AwaitEnd,
    /// Patch what is given, then restart if it has failed. Nothing of it: adopt it as it is.
    Act {
        start: bool,
        parallelism: Option<NonZeroU32>,
        restart: bool,
    },
}

impl ResumePlan {
    /// The table of DESIGN: state × what the pipeline was told × what the spec asks for.
    pub(crate) fn of(spec: &PipelineSpec, pipeline: &Pipeline, job: Option<&Job>) -> Self {
        let told_to_stop = pipeline.stop != StopMode::None;
        let (start, restart) = match job.map(|job| &job.state) {
            Some(JobState::Finishing | JobState::Failing) => return Self::AwaitEnd,
            Some(JobState::Stopping | JobState::CheckpointStopping | JobState::Stopped) => {
                // While somebody's `stop: none` is in force, the job starts again by itself.
                (
                    told_to_stop || job.is_some_and(|job| !job.running_desired),
                    false,
                )
            }
            // A failed job ignores `stop`, but would obey it after the restart.
            Some(JobState::Failed) => (told_to_stop, true),
            _ => (told_to_stop, false),
        };
        let parallelism = spec
            .parallelism()
            .filter(|wanted| pipeline.graph.parallelism() != Some(wanted.get()));
        Self::Act {
            start,
            parallelism,
            restart,
        }
    }

    pub(crate) fn requests(&self) -> Vec<PlannedRequest> {
        match *self {
            Self::AwaitEnd => vec![PlannedRequest::AwaitEnd],
            Self::Act {
                start,
                parallelism,
                restart,
            } => [
                start.then_some(PlannedRequest::Start),
                parallelism.map(|to| PlannedRequest::Parallelism { to }),
                restart.then_some(PlannedRequest::Restart),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }
}

/// What resuming came to.
pub(crate) enum ResumeOutcome {
    Done {
        baseline: Baseline,
        parallelism_set: bool,
    },
    /// The job has come to its end; decide anew.
    Again,
}

/// One pipeline to resume.
pub(crate) struct Resuming<'a> {
    pub(crate) session: &'a Session,
    pub(crate) spec: &'a PipelineSpec,
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) job: Option<&'a Job>,
    pub(crate) deadline: &'a Deadline,
    /// Whether it came to be while this submission was about to create it, by its own create or by another's.
    pub(crate) adopted: bool,
    /// Whether this process may have created it.
    pub(crate) started_here: bool,
}

impl Resuming<'_> {
    pub(crate) async fn run(&self) -> Result<ResumeOutcome, Error> {
        compare_udfs(self.spec, self.pipeline)?;
        let (start, parallelism, restart) = match ResumePlan::of(self.spec, self.pipeline, self.job)
        {
            // This is the run that was asked for. Deciding anew would take it for an old one, and could create another.
            ResumePlan::AwaitEnd if self.adopted => (false, None, false),
            ResumePlan::AwaitEnd => return self.await_end().await,
            ResumePlan::Act {
                start,
                parallelism,
                restart,
                // The first run of a create of our own that has failed is told, not tried again behind the caller's back.
            } => (start, parallelism, restart && !self.started_here),
        };
        let patched = start || parallelism.is_some();
        // Noted without a request too: the shutdown has to know what it is asked to stop or to leave.
        drop(self.session.intend(
            self.pipeline.name.as_str().into(),
            Target::Pipeline(self.pipeline.id.clone()),
            self.started_here,
        )?);
        self.session.found(&self.pipeline.id, self.started_here);
        if patched {
            let mut patch = PatchPipeline::new();
            if start {
                patch = patch.stop(StopMode::None);
            }
            if let Some(parallelism) = parallelism {
                patch = patch.parallelism(parallelism);
            }
            self.patch(&patch, start).await?;
        }
        if restart {
            self.restart().await?;
        }
        let baseline = if parallelism.is_some() || restart {
            Baseline::acted(self.job)
        } else if start {
            Baseline::started(self.job)
        } else if self.started_here {
            // Its first run is the one that counts, even if it was over before we looked.
            Baseline::none()
        } else {
            Baseline::found(self.job)
        };
        Ok(ResumeOutcome::Done {
            baseline,
            parallelism_set: parallelism.is_some(),
        })
    }

    /// Patches until it is accepted: the patch sets wishes, so repeating it is safe.
    async fn patch(&self, patch: &PatchPipeline, starts: bool) -> Result<(), Error> {
        let mut backoff = write_backoff();
        let mut failures = FailureStreak::new(Step::Resolve);
        loop {
            let (id, patch) = (self.pipeline.id.clone(), patch.clone());
            let sent = self.send(starts, &mut failures, |client| async move {
                client.patch(&id, &patch).await
            });
            let Some(error) = sent.await? else {
                return Ok(());
            };
            let pause = backoff.retry(error.retry_after(), &self.session.jitter);
            self.deadline.sleep(pause).await;
        }
    }

    /// Restarts once. A restart counts up, so a lost one is repeated only while the job is still Failed in the run that was seen.
    async fn restart(&self) -> Result<(), Error> {
        let mut backoff = write_backoff();
        let mut failures = FailureStreak::new(Step::Resolve);
        let mut in_doubt = false;
        loop {
            let id = self.pipeline.id.clone();
            let sent = self.send(true, &mut failures, |client| async move {
                client.restart(&id, &RestartPipeline::new()).await
            });
            let Some(error) = sent.await? else {
                return Ok(());
            };
            let pause = backoff.retry(error.retry_after(), &self.session.jitter);
            self.deadline.sleep(pause.max(TWO_TICKS)).await;
            in_doubt |= error.phase() != Phase::NotSent;
            if in_doubt && !self.is_still_failed().await? {
                self.session.answered(&mut failures);
                return Ok(());
            }
        }
    }

    /// Sends a request that changes something, once and to its end, with its intent noted before. Gives the failure if another try may help.
    async fn send<T, F>(
        &self,
        starts: bool,
        failures: &mut FailureStreak,
        call: impl FnOnce(Client) -> F + Send,
    ) -> Result<Option<ClientError>, Error>
    where
        F: Future<Output = Result<T, ClientError>> + Send + 'static,
        T: Send + 'static,
    {
        let sending = call(self.session.client_for_a_write());
        let guard = self.guard(starts)?;
        let sent = to_completion(async move {
            let sent = sending.await;
            note(&guard, &sent);
            sent
        });
        let Err(error) = sent.await else {
            self.session.answered(failures);
            return Ok(None);
        };
        let error = self.may_try_again(error)?;
        if self.deadline.is_over() {
            return Err(self.unanswered(error));
        }
        self.session.retrying(failures, &error);
        Ok(Some(error))
    }

    async fn is_still_failed(&self) -> Result<bool, Error> {
        let job = self.look().await?;
        Ok(match (&job, self.job) {
            (Some(now), Some(before)) => {
                now.id == before.id && now.run_id == before.run_id && now.state == JobState::Failed
            }
            _ => false,
        })
    }

    async fn await_end(&self) -> Result<ResumeOutcome, Error> {
        let mut pace = self.session.poll_pace();
        let mut reported: Option<JobTransition> = None;
        loop {
            let job = self.look().await?;
            let Some(job) =
                job.filter(|job| matches!(job.state, JobState::Finishing | JobState::Failing))
            else {
                return Ok(ResumeOutcome::Again);
            };
            if !reported.as_ref().is_some_and(|last| last.shows(&job)) {
                let transition =
                    JobTransition::new(&self.pipeline.id, &job, self.deadline.elapsed());
                self.session.tell(&Event::JobState(transition.clone()));
                reported = Some(transition);
            }
            if self.deadline.is_over() {
                return Err(ResolveError::NotSettled {
                    existing: self.summary(),
                    elapsed: self.deadline.elapsed(),
                    source: Box::new(LastSeen::job(&job)),
                }
                .into());
            }
            self.deadline.sleep(pace.pause(&self.session.jitter)).await;
        }
    }

    async fn look(&self) -> Result<Option<Job>, Error> {
        let id = &self.pipeline.id;
        let job = self
            .session
            .read(Step::Resolve, self.deadline, |client| async move {
                client.job(id).await
            })
            .await;
        match job {
            Ok(job) => Ok(job),
            Err(error) if is_gone(&error) => Err(ResolveError::Vanished {
                existing: self.summary(),
            }
            .into()),
            Err(error) => Err(self.unanswered(error)),
        }
    }

    fn guard(&self, starts: bool) -> Result<WriteGuard, Error> {
        self.session.intend(
            self.pipeline.name.as_str().into(),
            Target::Pipeline(self.pipeline.id.clone()),
            starts || self.started_here,
        )
    }

    /// Ends the tries when the answer is a refusal.
    fn may_try_again(&self, error: ClientError) -> Result<ClientError, Error> {
        if is_gone(&error) {
            self.session.ticket.forget();
            return Err(ResolveError::Vanished {
                existing: self.summary(),
            }
            .into());
        }
        if may_be_repeated(&error) {
            return Ok(error);
        }
        Err(ResolveError::rejected(Action::Resume, &self.pipeline.name, error).into())
    }

    fn unanswered(&self, error: ClientError) -> Error {
        ResolveError::unanswered(Action::Resume, &self.pipeline.name, self.deadline, error).into()
    }

    fn summary(&self) -> PipelineSummary {
        PipelineSummary::new(self.pipeline)
    }
}

fn write_backoff() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(2))
}

/// A request that never left, or was refused, has started nothing.
fn note<T>(guard: &WriteGuard, sent: &Result<T, ClientError>) {
    let Err(error) = sent else { return };
    let started_nothing = match error.status() {
        None => error.phase() == Phase::NotSent,
        Some(status) => status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT,
    };
    if started_nothing {
        guard.started_nothing();
    }
}

/// Resuming a pipeline with other UDFs would run the old code without anyone noticing.
pub(crate) fn compare_udfs(spec: &PipelineSpec, pipeline: &Pipeline) -> Result<(), ResolveError> {
    if spec.when_udfs_differ() == WhenUdfsDiffer::Refuse && spec.udfs() != pipeline.udfs {
        return Err(ResolveError::UdfsDiffer {
            existing: PipelineSummary::new(pipeline),
        });
    }
    Ok(())
}

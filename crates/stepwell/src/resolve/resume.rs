//! Resumes a pipeline, according to its state.

use std::num::NonZeroU32;

use stepwell_arroyo::{
    ClientError, Job, JobState, Operation, PatchPipeline, Pipeline, RestartPipeline, StopMode,
};
use tokio::time::Instant;

use super::{Action, PipelineSummary, ResolveError, resume_plan::ResumePlan};
use crate::{
    change::{Change, ChangeError, send::ChangeRequest},
    error::Error,
    job::{
        LastSeen,
        record::Expected,
        verdict::{Baseline, TWO_TICKS},
        watch::{Look, Watch},
    },
    observe::Step,
    session::{
        Deadline, Session,
        retry::{Failure, Request, is_gone},
    },
    shutdown::registry::entry::Target,
    spec::{PipelineSpec, WhenUdfsDiffer},
};

/// The result of resuming.
pub(crate) enum ResumeOutcome {
    Done {
        baseline: Baseline,
        parallelism_set: bool,
    },
    /// The job has ended; decide again.
    Again,
}

/// One pipeline to resume.
pub(crate) struct Resuming<'a> {
    pub(crate) session: &'a Session,
    /// [`Step::Resolve`] or [`Step::Start`].
    pub(crate) step: Step,
    pub(crate) parallelism: Option<NonZeroU32>,
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) job: Option<&'a Job>,
    /// When it began to be read.
    pub(crate) read_at: Instant,
    pub(crate) deadline: &'a Deadline,
    /// Whether the pipeline appeared while this submission was about to create it, from its own create or another client's.
    pub(crate) adopted: bool,
    /// Whether this process may have created it.
    pub(crate) started_here: bool,
}

impl Resuming<'_> {
    pub(crate) async fn run(&self) -> Result<ResumeOutcome, Error> {
        // Perhaps after it was read: what was read may be that of the one before. One that is adopted was read after our create.
        if self.is_made_anew() && !self.adopted {
            return Ok(ResumeOutcome::Again);
        }
        self.session.sight.was_there(&self.pipeline.id);
        // By an earlier decision, which another client's restart has overtaken.
        let is_changing = self.session.sight.was_just_changed();
        let (start, parallelism, restart) =
            match ResumePlan::of(self.parallelism, self.pipeline, self.job) {
                // This is the requested run. Deciding again would take it for an old one, and could create another.
                ResumePlan::AwaitEnd if self.adopted => (false, None, false),
                ResumePlan::AwaitEnd => return self.await_end().await,
                ResumePlan::Act {
                    start,
                    parallelism,
                    restart,
                    // If the first run of our own create has failed, report it rather than retry it behind the caller's back.
                } => (start, parallelism, restart && !self.started_here),
            };
        let patched = start || parallelism.is_some();
        // Registered even if nothing is sent: the shutdown has to know what to stop or to leave.
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
        if restart && !(self.is_failed_lately().await? && self.restart().await?) {
            return Ok(ResumeOutcome::Again);
        }
        let baseline = if parallelism.is_some() || restart {
            Baseline::acted(self.job)
        } else if start {
            Baseline::started(self.job)
        } else if self.started_here {
            // Its first run is the one that counts, even if it was over before the first poll.
            Baseline::none()
        } else if is_changing {
            Baseline::acted(self.job)
        } else {
            Baseline::found(self.job)
        };
        Ok(ResumeOutcome::Done {
            baseline,
            parallelism_set: parallelism.is_some(),
        })
    }

    /// Patches until the request is accepted.
    async fn patch(&self, patch: &PatchPipeline, starts: bool) -> Result<(), Error> {
        let requester = &self.session.requester;
        let ticket = &self.session.ticket;
        ticket.patches(requester.server(), &self.pipeline.id);
        let tries = requester.tries(Request::Patch, self.step, self.deadline);
        let patched = tries.run(|client| {
            let (id, patch) = (self.pipeline.id.clone(), patch.clone());
            self.send(Operation::Patch, starts, async move {
                client.patch(&id, &patch).await
            })
        });
        let patched = patched.await?;
        self.session.sight.changes(&self.pipeline.id);
        patched.map_err(|error| self.refused(error))?;
        Ok(())
    }

    /// Whether it has another job than the one that was seen under its id. That the one before was started here says nothing about it.
    fn is_made_anew(&self) -> bool {
        let (session, id) = (self.session, &self.pipeline.id);
        let is_made_anew = self
            .job
            .is_some_and(|job| session.sight.is_replaced_by(id, &job.id));
        if is_made_anew {
            session.ticket.is_made_anew(id);
        }
        is_made_anew
    }

    /// Restarts once; `false` if another client was faster. The restart is repeated only while the job is still Failed in the observed run.
    async fn restart(&self) -> Result<bool, Error> {
        let requester = &self.session.requester;
        let mut tries = requester.tries(Request::Restart, self.step, self.deadline);
        let mut is_in_doubt = false;
        loop {
            let (client, left) = tries.client();
            let id = self.pipeline.id.clone();
            let sending = async move { client.restart(&id, &RestartPipeline::new()).await };
            let Err(error) = self.send(Operation::Restart, true, sending).await? else {
                tries.answered();
                return Ok(true);
            };
            if !Failure::of(&error).changed_nothing() {
                is_in_doubt = true;
                self.session.sight.changes(&self.pipeline.id);
            }
            let pause = tries.pause(error, left).map_err(|error| {
                if !is_in_doubt {
                    self.session.ticket.has_ended_unless_started();
                }
                self.refused(error)
            })?;
            self.deadline.sleep(pause.max(TWO_TICKS)).await;
            if !self.is_still_failed().await? {
                tries.answered();
                return Ok(is_in_doubt);
            }
            if !is_in_doubt {
                continue;
            }
            // As long as no look was answered, the controller may have been away, too: its two ticks begin with the first one.
            let first_look = Instant::now();
            self.deadline.sleep(TWO_TICKS).await;
            // The deadline came first, and the restart may still be on its way.
            if first_look.elapsed() < TWO_TICKS
                && let Some(error) = tries.take_failure()
            {
                return Err(self.refused(error));
            }
            if !self.is_still_failed().await? {
                tries.answered();
                return Ok(true);
            }
        }
    }

    async fn send<T: Send + 'static>(
        &self,
        operation: Operation,
        starts: bool,
        sending: impl Future<Output = Result<T, ClientError>> + Send + 'static,
    ) -> Result<Result<T, ClientError>, Error> {
        let request = ChangeRequest {
            id: &self.pipeline.id,
            name: &self.pipeline.name,
            operation,
            starts,
            started_here: self.started_here,
        };
        request.send(self.session, sending).await
    }

    /// Whether it was Failed in the observed run shortly ago: another client may have restarted it since, while a reply was slow.
    async fn is_failed_lately(&self) -> Result<bool, Error> {
        Ok(self.read_at.elapsed() < TWO_TICKS || self.is_still_failed().await?)
    }

    async fn is_still_failed(&self) -> Result<bool, Error> {
        let id = &self.pipeline.id;
        let read = self.session.requester.call(
            Request::Read,
            self.step,
            self.deadline,
            |client| async move { client.job(id).await },
        );
        let now = read.await.map_err(|error| self.failed(error))?;
        Ok(now.zip(self.job).is_some_and(|(now, before)| {
            now.id == before.id && now.run_id == before.run_id && now.state == JobState::Failed
        }))
    }

    async fn await_end(&self) -> Result<ResumeOutcome, Error> {
        let (session, id, deadline) = (self.session, &self.pipeline.id, self.deadline);
        // What happens until this end is not a trouble of the requested run.
        let mut watch = Watch::of(session, id, self.step, deadline, Expected::nothing());
        let mut pace = session.requester.poll_pace();
        loop {
            match watch.look().await {
                Look::Job(job) if matches!(job.state, JobState::Finishing | JobState::Failing) => {}
                Look::Job(_) | Look::NoJob => return Ok(ResumeOutcome::Again),
                Look::Failed => {}
                Look::Vanished => return Err(self.vanished()),
                Look::Rejected(error) => return Err(self.failed(error)),
            }
            if deadline.is_over() {
                return Err(self.not_settled(watch.take_last_seen()));
            }
            let pause = pace.pause(&session.requester.jitter);
            watch.sleep(pause.max(watch.retry_pause())).await;
        }
    }

    /// The error for a request that changes something and was not accepted.
    fn refused(&self, error: ClientError) -> Error {
        // A node that lags behind may say so of what was started here; and what was taken for the result of our own create may be a twin.
        if is_gone(&error) {
            self.session.ticket.forget_unless_started();
        }
        self.failed(error)
    }

    /// The error for a request that failed.
    fn failed(&self, error: ClientError) -> Error {
        if is_gone(&error) {
            return self.vanished();
        }
        if self.step == Step::Start {
            let in_doubt = self.session.ticket.has_doubt();
            let id = &self.pipeline.id;
            return ChangeError::failed(Change::Start, id, self.deadline, in_doubt, error).into();
        }
        let (action, name) = (Action::Resume, &self.pipeline.name);
        ResolveError::unanswered(action, name, self.deadline, error).into()
    }

    fn vanished(&self) -> Error {
        if self.step == Step::Start {
            return ChangeError::vanished(Change::Start, &self.pipeline.id).into();
        }
        let existing = self.summary();
        ResolveError::Vanished { existing }.into()
    }

    fn not_settled(&self, last_seen: LastSeen) -> Error {
        let elapsed = self.deadline.elapsed();
        if self.step == Step::Start {
            let id = &self.pipeline.id;
            return ChangeError::not_settled(Change::Start, id, elapsed, last_seen).into();
        }
        ResolveError::NotSettled {
            existing: self.summary(),
            elapsed,
            source: Box::new(last_seen),
        }
        .into()
    }

    fn summary(&self) -> PipelineSummary {
        PipelineSummary::new(self.pipeline)
    }
}

/// Resuming a pipeline with other UDFs would silently run the old code.
pub(crate) fn compare_udfs(spec: &PipelineSpec, pipeline: &Pipeline) -> Result<(), ResolveError> {
    if spec.when_udfs_differ() == WhenUdfsDiffer::Refuse && spec.udfs() != pipeline.udfs {
        return Err(ResolveError::UdfsDiffer {
            existing: PipelineSummary::new(pipeline),
        });
    }
    Ok(())
}

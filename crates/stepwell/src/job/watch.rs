//! Polling one job: every wait for a job polls through a [`Watch`].

use std::{future::Future, sync::Arc, time::Duration};

use stepwell_arroyo::{ClientError, Job, JobId, PipelineId};
use tokio::time::Instant;

use super::{
    LastSeen, Trouble, log_reader::TroubleWatch, record::Expected, sight::Sight, verdict::TWO_TICKS,
};
use crate::{
    observe::{Event, Step},
    session::{
        Deadline, Requester, Session,
        retry::{GONE_AFTER, Next, Request, Tries, is_gone},
    },
};

/// Polls one job, reports its transitions, and tolerates temporary failures.
pub(crate) struct Watch {
    requester: Requester,
    id: PipelineId,
    sight: Arc<Sight>,
    step: Step,
    deadline: Deadline,
    trouble: TroubleWatch,
    /// Whether transitions and troubles are reported.
    reports: bool,
    tries: Tries,
    last_seen: LastSeen,
    began: Instant,
    /// The minimum pause before the next poll, set after a failed one.
    retry_pause: Duration,
}

/// The result of one poll.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum Look {
    Job(Job),
    /// The pipeline has no job yet.
    NoJob,
    /// The poll failed in a way that may be temporary.
    Failed,
    /// The pipeline existed, and has been deleted.
    Vanished,
    /// The poll failed permanently.
    Rejected(ClientError),
}

impl Watch {
    /// A watch for a step of a submission.
    pub(crate) fn of(
        session: &Session,
        id: &PipelineId,
        step: Step,
        deadline: &Deadline,
        expected: Expected,
    ) -> Self {
        Self::new(
            &session.requester,
            id,
            &session.sight,
            step,
            deadline,
            expected,
        )
    }

    pub(crate) fn new(
        requester: &Requester,
        id: &PipelineId,
        sight: &Arc<Sight>,
        step: Step,
        deadline: &Deadline,
        expected: Expected,
    ) -> Self {
        sight.begin(id);
        Self {
            requester: requester.clone(),
            id: id.clone(),
            step,
            deadline: *deadline,
            trouble: TroubleWatch::new(requester, id, sight, expected),
            tries: requester.tries(Request::Look, step, deadline),
            reports: true,
            last_seen: LastSeen::Nothing,
            began: Instant::now(),
            sight: Arc::clone(sight),
            retry_pause: Duration::ZERO,
        }
    }

    /// Reports nothing: another watch of the submission may report at the same time, and only what is driven reads the log in time.
    pub(crate) fn silently(mut self) -> Self {
        self.reports = false;
        self
    }

    pub(crate) fn id(&self) -> &PipelineId {
        &self.id
    }

    /// Records that the job was seen before the watch began.
    pub(crate) fn has_seen(&mut self, job: &Job) {
        self.last_seen = LastSeen::job(job);
    }

    /// Polls once.
    pub(crate) async fn look(&mut self) -> Look {
        let (requester, deadline) = (&self.requester, &self.deadline);
        let Some(permit) = self.trouble.beside(requester.permit(deadline)).await else {
            return Look::Failed;
        };
        let (client, left) = self.tries.client();
        self.sight.asked();
        let answer = self.trouble.beside(client.job(&self.id)).await;
        drop(permit);
        if answer.is_ok() {
            self.sight.observed(Instant::now());
        }
        match answer {
            Ok(None) => {
                self.answered();
                // Gone since it was seen, or hidden by a node that lags behind.
                if self.sight.knows_job() {
                    self.sight.is_missing();
                }
                self.last_seen = LastSeen::NoJob;
                Look::NoJob
            }
            // It was deleted, and another client has made one under its id.
            Ok(Some(job)) if self.sight.is_another(&job) => Look::Vanished,
            Ok(Some(job)) => self.saw(job),
            Err(error) => {
                if self.tries.is_cut_short(&error, left) {
                    return Look::Failed;
                }
                self.failed(error)
            }
        }
    }

    /// Takes an observation from a list of all jobs, whose reply arrived at this time.
    pub(super) fn saw_in_list(&mut self, job: Job, at: Instant) -> Look {
        self.sight.observed(at);
        self.saw(job)
    }

    /// The job to look for in a list of all jobs: see [`Sight::to_find_in_a_list`].
    pub(super) fn to_find_in_a_list(&self) -> Option<(JobId, Instant)> {
        self.sight.to_find_in_a_list()
    }

    /// Records that the server is asked about the job by another wait, too.
    pub(super) fn asked(&self) {
        self.sight.asked();
    }

    pub(super) fn requester(&self) -> &Requester {
        &self.requester
    }

    fn answered(&mut self) {
        self.tries.answered();
        self.retry_pause = Duration::ZERO;
        self.sight.is_known();
    }

    fn saw(&mut self, job: Job) -> Look {
        self.answered();
        self.heard();
        self.last_seen = LastSeen::job(&job);
        if !self.reports {
            return Look::Job(job);
        }
        if let Some(transition) = self.sight.saw(&self.id, &job, self.deadline.elapsed()) {
            tracing::debug!(
                pipeline.id = %self.id, job.id = %job.id, job.state = %job.state, job.run_id = job.run_id,
                job.running_desired = job.running_desired, "job seen"
            );
            self.requester.tell(&Event::JobState(transition));
        }
        self.trouble.saw(&job);
        Look::Job(job)
    }

    /// Takes the failure of a poll.
    pub(super) fn failed(&mut self, error: ClientError) -> Look {
        if Request::Look.next(&error) == Next::GiveUp {
            return Look::Rejected(error);
        }
        if is_gone(&error) && self.deletion()() {
            return Look::Vanished;
        }
        self.retry_pause = self.tries.failed(&error);
        self.note_failure(error);
        Look::Failed
    }

    /// Says, of a pipeline that the server does not know, whether it was deleted, rather than being too new to be visible, or unknown to one
    /// node that lags behind.
    pub(crate) fn deletion(&self) -> impl Fn() -> bool + Clone + use<> {
        let sight = Arc::clone(&self.sight);
        let stops = matches!(self.step, Step::Stop | Step::Delete);
        let began = self.began;
        let is_seen = self.last_seen.state().is_some();
        move || {
            let (missing_since, was_there) = sight.is_missing();
            let patience = if is_seen && stops {
                TWO_TICKS
            } else {
                GONE_AFTER
            };
            // What was seen long before a stop proves nothing.
            let since = if is_seen || !stops {
                missing_since
            } else {
                missing_since.max(began)
            };
            (was_there || stops) && since.elapsed() >= patience
        }
    }

    /// Whether the pipeline whose job was seen had none in the last poll, or was not known to the server.
    pub(crate) fn is_missing(&self) -> bool {
        self.sight.is_missing_now() && self.sight.knows_job()
    }

    /// Records that the server has accepted a request about the pipeline.
    pub(crate) fn is_known(&self) {
        self.sight.is_known();
    }

    /// The attempts of a request about the job.
    pub(crate) fn tries(&self, request: Request) -> Tries {
        self.requester.tries(request, self.step, &self.deadline)
    }

    /// Lets the attempts of a request about the job continue the polls' streak of failures.
    pub(crate) fn lend(&mut self, tries: &mut Tries) {
        tries.take_over(&mut self.tries);
    }

    /// Continues the streak of failures of those attempts.
    pub(crate) fn take_back(&mut self, tries: &mut Tries) {
        self.tries.take_over(tries);
    }

    /// Records that a request about the job failed.
    pub(crate) fn note_failure(&mut self, error: ClientError) {
        self.last_seen.failed(error);
    }

    /// The minimum pause before the next poll, so that the clients of a failing server do not all poll it as often as a healthy one.
    pub(crate) fn retry_pause(&self) -> Duration {
        self.retry_pause
    }

    pub(crate) async fn sleep(&mut self, pause: Duration) {
        self.trouble.beside(self.deadline.sleep(pause)).await;
    }

    /// Drives `work` to completion, and concurrently reads the log of a job in trouble.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        self.trouble.beside(work).await
    }

    /// The current trouble of the job.
    pub(crate) fn trouble(&self) -> Option<Box<Trouble>> {
        self.trouble.trouble().map(Box::new)
    }

    /// Records that the server has answered about the job or its rows.
    pub(crate) fn heard(&self) {
        self.sight.heard();
    }

    /// How long the server has not answered about the job, in this watch and earlier ones.
    pub(crate) fn silence(&self) -> Duration {
        self.sight.silence()
    }

    /// The last observation, for the error that ends the wait.
    pub(crate) fn take_last_seen(&mut self) -> LastSeen {
        std::mem::replace(&mut self.last_seen, LastSeen::Nothing)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.sight.end();
    }
}

//! Looking at one job again and again: every wait for a job looks through a [`Watch`].

use std::{future::Future, sync::Arc, time::Duration};

use stepwell_arroyo::{ClientError, Job, PipelineId};
use tokio::time::Instant;

use super::{LastSeen, Trouble, log_reader::TroubleWatch, record::Expected, sight::Sight};
use crate::{
    observe::{Event, Step},
    session::{
        Deadline, Requester, Session,
        retry::{GONE_AFTER, Next, Request, Tries, is_gone},
    },
};

/// Looks at one job, reports its transitions, and tolerates what may pass.
pub(crate) struct Watch {
    requester: Requester,
    id: PipelineId,
    sight: Arc<Sight>,
    step: Step,
    deadline: Deadline,
    trouble: TroubleWatch,
    tries: Tries,
    last_seen: LastSeen,
    began: Instant,
    /// The least pause before the next look: some when the last one failed.
    retry_pause: Duration,
}

/// What one look has shown.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum Look {
    Job(Job),
    /// The pipeline has no job yet.
    NoJob,
    /// It failed in a way that may pass.
    Failed,
    /// The pipeline was there, and has been deleted.
    Vanished,
    /// It failed in a way that does not pass.
    Rejected(ClientError),
}

impl Watch {
    /// A watch for this step of a submission.
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
            last_seen: LastSeen::Nothing,
            began: Instant::now(),
            sight: Arc::clone(sight),
            retry_pause: Duration::ZERO,
        }
    }

    pub(crate) fn id(&self) -> &PipelineId {
        &self.id
    }

    /// Looks once.
    pub(crate) async fn look(&mut self) -> Look {
        let (client, left) = self.tries.client();
        let asked = Instant::now();
        match self.trouble.beside(client.job(&self.id)).await {
            Ok(None) => {
                self.sight.heard_nothing(asked);
                self.answered();
                self.last_seen = LastSeen::NoJob;
                Look::NoJob
            }
            Ok(Some(job)) => self.saw(job),
            Err(error) => {
                self.sight.heard_nothing(asked);
                if self.tries.is_cut_short(&error, left) {
                    return Look::Failed;
                }
                self.failed(error)
            }
        }
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

    fn failed(&mut self, error: ClientError) -> Look {
        if Request::Look.next(&error) == Next::GiveUp {
            return Look::Rejected(error);
        }
        if is_gone(&error) {
            let missing = self.sight.is_missing();
            if self.is_deleted(missing) {
                return Look::Vanished;
            }
        }
        self.retry_pause = self.tries.failed(&error);
        self.note_failure(error);
        Look::Failed
    }

    /// Whether a pipeline that the server does not know has been deleted, rather than being too new to show.
    fn is_deleted(&self, missing_since: Option<Instant>) -> bool {
        if self.step == Step::Stop {
            return !self.may_be_new()();
        }
        missing_since.is_some_and(|since| since.elapsed() >= GONE_AFTER)
    }

    /// Whether the pipeline may be too new to show: this watch has not seen it, and it has not had the time.
    pub(crate) fn may_be_new(&self) -> impl Fn() -> bool + Copy + use<> {
        let is_seen = self.last_seen.state().is_some();
        let began = self.began;
        move || !is_seen && began.elapsed() < GONE_AFTER
    }

    /// The tries of a request about the job, which go on with the failures in a row of the looks.
    pub(crate) fn tries(&mut self, request: Request) -> Tries {
        let mut tries = self.requester.tries(request, self.step, &self.deadline);
        tries.take_over(&mut self.tries);
        tries
    }

    /// A request about the job failed.
    pub(crate) fn note_failure(&mut self, error: ClientError) {
        self.last_seen.failed(error);
    }

    /// The least pause before the next look. A server that fails many at once is not asked by all of them as often as one that answers.
    pub(crate) fn retry_pause(&self) -> Duration {
        self.retry_pause
    }

    pub(crate) async fn sleep(&mut self, pause: Duration) {
        self.trouble.beside(self.deadline.sleep(pause)).await;
    }

    /// Does `work`, and reads the log of a job in trouble beside it.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        self.trouble.beside(work).await
    }

    /// The trouble that the job is in.
    pub(crate) fn trouble(&self) -> Option<Box<Trouble>> {
        self.trouble.trouble().map(Box::new)
    }

    /// The server has said something of the job, or of its rows.
    pub(crate) fn heard(&self) {
        self.sight.heard();
    }

    /// For how long nothing was heard of the job, in this watch and those before it.
    pub(crate) fn silence(&self) -> Duration {
        self.sight.silence()
    }

    /// What was last seen, for the error that ends the wait.
    pub(crate) fn take_last_seen(&mut self) -> LastSeen {
        std::mem::replace(&mut self.last_seen, LastSeen::Nothing)
    }
}

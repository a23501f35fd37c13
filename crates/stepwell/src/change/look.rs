//! Reading a pipeline that was there before.

use std::time::Duration;

use stepwell_arroyo::{Job, Pipeline, PipelineId};

use super::{Change, ChangeError};
use crate::{
    job::{
        record::Expected,
        watch::{Look, Watch},
    },
    observe::Step,
    session::{Deadline, Session, retry::Request, retry::is_gone},
};

/// The minimum pause between two looks at a pipeline that is not shown.
pub(super) const LEAST_PAUSE: Duration = Duration::from_millis(50);

/// A pipeline that is about to be changed.
pub(crate) struct Looking<'a> {
    pub(crate) session: &'a Session,
    pub(crate) id: &'a PipelineId,
    pub(crate) change: Change,
    pub(crate) deadline: &'a Deadline,
    pub(crate) expected: Expected,
}

impl Looking<'_> {
    fn step(&self) -> Step {
        match self.change {
            Change::Start => Step::Start,
            Change::Update => Step::Update,
            Change::Delete => Step::Delete,
            Change::Replace => Step::Read,
        }
    }

    fn watch(&self) -> Watch {
        Watch::of(
            self.session,
            self.id,
            self.step(),
            self.deadline,
            self.expected,
        )
    }

    /// Reads the job; `None` if the pipeline has never had one. One 404 proves nothing: a node may lag behind.
    pub(crate) async fn job(&self) -> Result<Option<Job>, ChangeError> {
        self.job_seen_by(&mut self.watch()).await
    }

    /// Reads the pipeline and its job.
    pub(crate) async fn both(&self) -> Result<(Pipeline, Option<Job>), ChangeError> {
        let mut watch = self.watch();
        loop {
            let job = self.job_seen_by(&mut watch).await?;
            let (requester, id) = (&self.session.requester, self.id);
            let read = requester.call(
                Request::Read,
                self.step(),
                self.deadline,
                |client| async move { client.pipeline(id).await },
            );
            match watch.beside(read).await {
                Ok(pipeline) => return Ok((pipeline, job)),
                // The next look at the job decides.
                Err(error) if is_gone(&error) && !self.deadline.is_over() => {}
                Err(error) => return Err(self.failed(error)),
            }
            self.pause(&mut watch).await;
        }
    }

    async fn job_seen_by(&self, watch: &mut Watch) -> Result<Option<Job>, ChangeError> {
        loop {
            match watch.look().await {
                Look::Job(job) => return Ok(Some(job)),
                Look::NoJob if !self.session.sight.knows_job() => return Ok(None),
                Look::NoJob | Look::Failed => {}
                Look::Vanished => return Err(ChangeError::vanished(self.change, self.id)),
                Look::Rejected(error) => return Err(self.failed(error)),
            }
            if self.deadline.is_over() {
                let (elapsed, last_seen) = (self.deadline.elapsed(), watch.take_last_seen());
                return Err(ChangeError::not_settled(
                    self.change,
                    self.id,
                    elapsed,
                    last_seen,
                ));
            }
            self.pause(watch).await;
        }
    }

    async fn pause(&self, watch: &mut Watch) {
        let pause = LEAST_PAUSE.max(watch.retry_pause());
        watch.sleep(pause).await;
    }

    /// The error of a read that failed.
    fn failed(&self, error: stepwell_arroyo::ClientError) -> ChangeError {
        if is_gone(&error) {
            return ChangeError::vanished(self.change, self.id);
        }
        ChangeError::failed(self.change, self.id, self.deadline, false, error)
    }
}

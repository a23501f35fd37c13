//! Calls on the job of a pipeline.

use std::num::NonZeroU32;

use super::{Client, ONE};
use crate::{
    Checkpoint, ClientError, Job, JobError, JobId, Page, PipelineId, request, response,
    wire::{All, NewestJob},
};

impl Client {
    /// Reads the jobs of a pipeline (`GET /api/v1/pipelines/{id}/jobs`). There is one.
    ///
    /// # Errors
    ///
    /// 404 if there is no such pipeline (recording `107_get_jobs_unknown_pipeline`), and
    /// [`ClientErrorKind::OtherPipeline`](crate::ClientErrorKind::OtherPipeline) if a job belongs to another one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn jobs(&self, id: &PipelineId) -> Result<Vec<Job>, ClientError> {
        self.call(request::jobs(id), ONE, |reply| {
            let jobs = response::decode::<All<Job>>(reply)?.data;
            for job in &jobs {
                response::check_job(job, id)?;
            }
            Ok(jobs)
        })
        .await
    }

    /// Reads the job of a pipeline (`GET /api/v1/pipelines/{id}/jobs`), the newest if there are several. Returns `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`jobs`](Self::jobs).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn job(&self, id: &PipelineId) -> Result<Option<Job>, ClientError> {
        self.call(request::jobs(id), ONE, |reply| {
            let job = response::decode::<NewestJob>(reply)?.data;
            if let Some(job) = &job {
                response::check_job(job, id)?;
            }
            Ok(job)
        })
        .await
    }

    /// Reads the errors that a job has logged, newest first, at most 1,000 of them (`GET …/jobs/{id}/errors`).
    ///
    /// # Errors
    ///
    /// 404 if there is no such job (recording `109_job_errors_unknown_job`).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn job_errors(
        &self,
        id: &PipelineId,
        job: &JobId,
    ) -> Result<Vec<JobError>, ClientError> {
        let page: Page<JobError> = self.get(request::job_errors(id, job), ONE).await?;
        Ok(page.data)
    }

    /// As [`job_errors`](Self::job_errors), but only the newest `limit` errors.
    ///
    /// # Errors
    ///
    /// As [`job_errors`](Self::job_errors).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn newest_job_errors(
        &self,
        id: &PipelineId,
        job: &JobId,
        limit: NonZeroU32,
    ) -> Result<Vec<JobError>, ClientError> {
        let request = request::newest_job_errors(id, job, limit);
        Ok(self.get::<Page<JobError>>(request, ONE).await?.data)
    }

    /// Reads the checkpoints of a job (`GET …/jobs/{id}/checkpoints`).
    ///
    /// # Errors
    ///
    /// 404 if there is no such job (recording `112_job_checkpoints_unknown_job`).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it changes nothing.
    pub async fn checkpoints(
        &self,
        id: &PipelineId,
        job: &JobId,
    ) -> Result<Vec<Checkpoint>, ClientError> {
        Ok(self
            .get::<All<Checkpoint>>(request::checkpoints(id, job), ONE)
            .await?
            .data)
    }
}

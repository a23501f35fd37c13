//! What every state from Resolved on has in common: a pipeline.

use std::future::Future;

use stepwell_arroyo::{
    Checkpoint, Client, ClientError, Job, JobError, Pipeline, PipelineGraph, PipelineId,
};

use super::{State, sealed};
use crate::{
    error::Error,
    observe::Step,
    resolve::Difference,
    session::{Session, need_runtime, retry::Request},
    submission::Submission,
};

/// A state that has a pipeline: Resolved, Registered, Running and Stopped. Sealed.
pub trait HasPipeline: State + sealed::SealedPipeline {}

impl<S: State + sealed::SealedPipeline> HasPipeline for S {}

/// # In every state that has a pipeline
impl<S: HasPipeline> Submission<S> {
    /// The pipeline's id, which outlives this process; see [`Submission::attach`].
    pub fn id(&self) -> &PipelineId {
        &self.state.identified().id
    }

    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.state.identified().name
    }

    /// The URL of the pipeline in the web console; `None` if the transport does not report its address.
    pub fn dashboard_url(&self) -> Option<String> {
        self.session
            .requester
            .endpoint()
            .map(|endpoint| endpoint.dashboard(self.id()))
    }

    /// Whether this submission created the pipeline; `None` if it was attached.
    pub fn is_created_here(&self) -> Option<bool> {
        self.state.created_here()
    }

    /// The plan of the query; `None` if the submission was attached.
    pub fn graph(&self) -> Option<&PipelineGraph> {
        self.state.plan()
    }

    /// How the pipeline differs from the spec, or from what an [`update`](Submission::update) has asked for; empty if the submission was
    /// attached.
    pub fn differences(&self) -> &[Difference] {
        self.state.differences()
    }

    /// Reads the pipeline and its job.
    ///
    /// # Errors
    ///
    /// [`Error::Look`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn status(&self) -> Result<Status, Error> {
        let id = self.id();
        let pipeline = self
            .session
            .look(|client| async move { client.pipeline(id).await })
            .await?;
        let job = self
            .session
            .look(|client| async move { client.job(id).await })
            .await?;
        Ok(Status { pipeline, job })
    }

    /// Reads the job; `None` if the server shows none.
    ///
    /// # Errors
    ///
    /// [`Error::Look`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn read_job(&self) -> Result<Option<Job>, Error> {
        let id = self.id();
        self.session
            .look(|client| async move { client.job(id).await })
            .await
    }

    /// Reads the errors that the job has logged, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Look`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn job_errors(&self) -> Result<Vec<JobError>, Error> {
        let Some(job) = self.read_job().await? else {
            return Ok(Vec::new());
        };
        let (id, job) = (self.id(), &job.id);
        self.session
            .look(|client| async move { client.job_errors(id, job).await })
            .await
    }

    /// Reads the job's checkpoints.
    ///
    /// # Errors
    ///
    /// [`Error::Look`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, Error> {
        let Some(job) = self.read_job().await? else {
            return Ok(Vec::new());
        };
        let (id, job) = (self.id(), &job.id);
        self.session
            .look(|client| async move { client.checkpoints(id, job).await })
            .await
    }
}

/// The current state of a pipeline on the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// Its job, if it has one.
    pub job: Option<Job>,
}

impl Session {
    async fn look<T: Send, F>(&self, call: impl FnMut(Client) -> F + Send) -> Result<T, Error>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
    {
        need_runtime()?;
        let deadline = self.deadline(Step::Read);
        let read = self
            .requester
            .call(Request::Read, Step::Read, &deadline, call);
        read.await.map_err(|error| Error::Look { source: error })
    }
}

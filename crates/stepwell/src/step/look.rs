//! What can be asked of a pipeline once it is registered.

use std::future::Future;

use stepwell_arroyo::{Checkpoint, Client, ClientError, Job, JobError, PipelineGraph, PipelineId};

use super::Status;
use crate::{
    Registered, Running, Stopped, Submission, context::Context, error::Error, observer::Step,
    resolution::Difference, state::State, time_limit::TimeLimit,
};

/// The states whose pipeline is registered.
pub(crate) trait HasPipeline: State {
    fn registered(&self) -> &Registered;
}

impl HasPipeline for Registered {
    fn registered(&self) -> &Registered {
        self
    }
}

impl HasPipeline for Running {
    fn registered(&self) -> &Registered {
        &self.registered
    }
}

impl HasPipeline for Stopped {
    fn registered(&self) -> &Registered {
        &self.registered
    }
}

impl Context {
    async fn look<T: Send, F>(&self, call: impl FnMut(Client) -> F + Send) -> Result<T, Error>
    where
        F: Future<Output = Result<T, ClientError>> + Send,
    {
        let limit = TimeLimit::new(self.options.request_timeout);
        let read = self.read(Step::Wait, &limit, call).await;
        read.map_err(|error| Error::Look {
            source: Box::new(error),
        })
    }
}

// Written out for each state: a public method on a private bound would not show in the documentation of the state.
macro_rules! look {
    ($($state:ty),*) => {$(
        impl Submission<$state> {
            /// The pipeline's id: what survives this process; see [`Submission::attach`].
            pub fn id(&self) -> &PipelineId {
                &self.state.registered().pipeline.id
            }

            /// The pipeline's name.
            pub fn name(&self) -> &str {
                &self.state.registered().pipeline.name
            }

            /// Where a browser shows the pipeline; `None` when the transport does not say where it sends to.
            pub fn dashboard_url(&self) -> Option<String> {
                self.context.endpoint().map(|endpoint| endpoint.dashboard(self.id()))
            }

            /// Whether this submission created the pipeline; `None` when it was attached.
            pub fn is_created_here(&self) -> Option<bool> {
                self.state.registered().evidence.as_ref().map(|evidence| evidence.created)
            }

            /// The plan of the query; `None` when the submission was attached.
            pub fn graph(&self) -> Option<&PipelineGraph> {
                self.state.registered().evidence.as_ref().map(|evidence| &evidence.graph)
            }

            /// In what the pipeline differs from the spec; empty when the submission was attached.
            pub fn differences(&self) -> &[Difference] {
                self.state.registered().evidence.as_ref().map_or(&[], |evidence| &evidence.differences)
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
                let pipeline = self.context.look(|client| async move { client.pipeline(id).await }).await?;
                let job = self.context.look(|client| async move { client.job(id).await }).await?;
                Ok(Status { pipeline, job })
            }

            /// Reads the job; `None` when the server shows none.
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
                self.context.look(|client| async move { client.job(id).await }).await
            }

            /// Reads what the job has logged as errors, newest first.
            ///
            /// # Errors
            ///
            /// [`Error::Look`].
            ///
            /// # Cancel safety
            ///
            /// Safe: it only reads.
            pub async fn job_errors(&self) -> Result<Vec<JobError>, Error> {
                let Some(job) = self.read_job().await? else { return Ok(Vec::new()) };
                let (id, job) = (self.id(), &job.id);
                self.context.look(|client| async move { client.job_errors(id, job).await }).await
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
                let Some(job) = self.read_job().await? else { return Ok(Vec::new()) };
                let (id, job) = (self.id(), &job.id);
                self.context.look(|client| async move { client.checkpoints(id, job).await }).await
            }
        }
    )*};
}

look!(Registered, Running, Stopped);

impl Submission<Registered> {
    /// Leaves the pipeline running and takes it out of the shutdown's hands. Sends nothing.
    pub fn detach(self) -> PipelineId {
        self.context.ticket.forget();
        self.state.pipeline.id
    }
}

impl Submission<Running> {
    /// The job as it was seen Running.
    pub fn job(&self) -> &Job {
        &self.state.job
    }

    /// Leaves the pipeline running and takes it out of the shutdown's hands. Sends nothing.
    pub fn detach(self) -> PipelineId {
        self.context.ticket.forget();
        self.state.registered.pipeline.id
    }
}

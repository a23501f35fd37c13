//! Calls of the client, with secrets in them.

use std::{
    future::Future,
    num::NonZeroU32,
    pin::pin,
    task::{Context, Poll, Waker},
};

use stepwell_arroyo::{
    Client, ClientError, CreatePipeline, JobId, PatchPipeline, PipelineId, RestartPipeline, Udf,
};

/// What a connector is told in the query that is sent.
pub const PASSWORD: &str = "pa55-w0rd-0f-a-c0nnect0r";

/// What stands in the environment that is sent.
pub const ENVIRONMENT: &str = "va1ue-0f-the-envir0nment";

/// What the transport sends beside every request.
pub const TOKEN: &str = "t0ken-0f-the-transp0rt";

/// One call of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are named as the client's methods")]
pub enum Call {
    Ping,
    Validate,
    AllPipelines,
    Pipeline,
    Create,
    CreateWithId,
    Patch,
    Restart,
    Delete,
    Jobs,
    JobErrors,
    Checkpoints,
}

impl Call {
    /// All of them. The first byte of an input picks one.
    pub const ALL: [Self; 12] = [
        Self::Ping,
        Self::Validate,
        Self::AllPipelines,
        Self::Pipeline,
        Self::Create,
        Self::CreateWithId,
        Self::Patch,
        Self::Restart,
        Self::Delete,
        Self::Jobs,
        Self::JobErrors,
        Self::Checkpoints,
    ];

    /// Makes the call.
    ///
    /// # Errors
    ///
    /// As the method of the client.
    pub async fn make(self, client: &Client) -> Result<(), ClientError> {
        let id = PipelineId::from_server("pl_1");
        let job = JobId::from_server("job_1");
        let query =
            format!("CREATE TABLE t WITH ('connector' = 'kafka', 'password' = '{PASSWORD}')");
        let create = CreatePipeline::new("orders", query.as_str(), NonZeroU32::MIN)
            .env_vars([("KEY".to_owned(), ENVIRONMENT.to_owned())].into());
        match self {
            Self::Ping => client.ping().await,
            Self::Validate => client
                .validate(&query, &[Udf::python("pass")])
                .await
                .map(drop),
            Self::AllPipelines => client.all_pipelines().await.map(drop),
            Self::Pipeline => client.pipeline(&id).await.map(drop),
            Self::Create => client.create(&create).await.map(drop),
            Self::CreateWithId => client.create_with_id(&id, &create).await.map(drop),
            Self::Patch => client.patch(&id, &PatchPipeline::new()).await.map(drop),
            Self::Restart => client.restart(&id, &RestartPipeline::new()).await.map(drop),
            Self::Delete => client.delete(&id).await,
            Self::Jobs => client.jobs(&id).await.map(drop),
            Self::JobErrors => client.job_errors(&id, &job).await.map(drop),
            Self::Checkpoints => client.checkpoints(&id, &job).await.map(drop),
        }
    }

    /// Whether the query is sent with it, and so has to be taken out of an error.
    pub fn sends_query(self) -> bool {
        matches!(self, Self::Validate | Self::Create | Self::CreateWithId)
    }

    /// Whether the environment is sent with it.
    pub fn sends_environment(self) -> bool {
        matches!(self, Self::Create | Self::CreateWithId)
    }
}

/// The outcome of what never waits.
///
/// # Panics
///
/// When it waits.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits for something"),
    }
}

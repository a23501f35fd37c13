//! A client without backoff: it sends every request again after 100 ms until it succeeds. Its deadlines are stepwell's.

use std::{num::NonZeroU32, time::Duration};

use stepwell::{
    JobState, Options, PipelineId, PipelineSpec,
    arroyo::{Client, ClientError, CreatePipeline},
    transport::SharedTransport,
};
use tokio::time::{Instant, sleep};

/// The submission did not get its pipeline Running.
#[derive(Debug)]
pub(crate) struct GaveUp;

const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Caller {
    client: Client,
    spec: PipelineSpec,
    options: Options,
}

impl Caller {
    pub(crate) fn new(transport: SharedTransport, spec: PipelineSpec, options: Options) -> Self {
        Self {
            client: Client::new(transport).within(options.request_timeout()),
            spec,
            options,
        }
    }

    pub(crate) async fn submit(self, by_id: bool) -> Result<(), GaveUp> {
        let (client, spec, options) = (&self.client, &self.spec, &self.options);
        until_answered(options.connect_timeout(), || client.ping()).await?;
        let validate = || client.validate(spec.query(), &[]);
        until_answered(options.validate_timeout(), validate).await?;
        let resolve = tokio::time::timeout(options.resolve_timeout(), self.resolve(by_id));
        resolve.await.map_err(|_over| GaveUp)??;
        let wait = tokio::time::timeout(options.running_timeout(), self.wait());
        wait.await.map_err(|_over| GaveUp)?
    }

    async fn resolve(&self, by_id: bool) -> Result<(), GaveUp> {
        let (client, spec, id) = (&self.client, &self.spec, id(&self.spec));
        let limit = self.options.resolve_timeout();
        let is_there = if by_id {
            until_answered(limit, || self.is_there()).await?
        } else {
            let list = until_answered(limit, || client.all_pipelines()).await?;
            list.iter().any(|pipeline| pipeline.query == spec.query())
        };
        if !is_there {
            let create = CreatePipeline::new(spec.name(), spec.query(), NonZeroU32::MIN);
            until_answered(limit, || client.create_with_id(&id, &create)).await?;
        }
        Ok(())
    }

    async fn wait(&self) -> Result<(), GaveUp> {
        let id = id(&self.spec);
        let limit = self.options.running_timeout();
        loop {
            let jobs = until_answered(limit, || self.client.jobs(&id)).await?;
            if jobs.iter().any(|job| job.state == JobState::Running) {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
    }

    async fn is_there(&self) -> Result<bool, ClientError> {
        match self.client.pipeline(&id(&self.spec)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

async fn until_answered<T, F>(limit: Duration, call: impl Fn() -> F) -> Result<T, GaveUp>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let until = Instant::now() + limit;
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(_) if Instant::now() < until => sleep(PAUSE).await,
            Err(_) => return Err(GaveUp),
        }
    }
}

/// The id of a spec's pipeline.
pub(crate) fn id(spec: &PipelineSpec) -> PipelineId {
    PipelineId::for_spec("", spec.name(), spec.query())
}

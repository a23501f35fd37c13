//! A caller without any pace: what is not there yet, and what failed, is asked for again after 100 ms.

use std::{num::NonZeroU32, time::Duration};

use stepwell::{
    JobState, PipelineSpec,
    arroyo::{Client, ClientError, CreatePipeline},
    transport::SharedTransport,
};
use tokio::time::{Instant, sleep};

use crate::fleet::{GaveUp, id};

const PAUSE: Duration = Duration::from_millis(100);

/// So long it tries, for all of it: what stepwell's deadlines are together.
const PATIENCE: Duration = Duration::from_secs(750);

pub(crate) struct Caller {
    client: Client,
    spec: PipelineSpec,
    until: Instant,
}

impl Caller {
    pub(crate) fn new(transport: SharedTransport, spec: PipelineSpec) -> Self {
        Self {
            client: Client::new(transport),
            spec,
            until: Instant::now() + PATIENCE,
        }
    }

    pub(crate) async fn submit(self, by_id: bool) -> Result<(), GaveUp> {
        let (client, spec) = (&self.client, &self.spec);
        let id = id(spec);
        self.until_answered(|| client.ping()).await?;
        self.until_answered(|| client.validate(spec.query(), &[]))
            .await?;
        let is_there = if by_id {
            self.until_answered(|| self.is_there()).await?
        } else {
            let list = self.until_answered(|| client.all_pipelines()).await?;
            list.iter().any(|pipeline| pipeline.query == spec.query())
        };
        if !is_there {
            let create = CreatePipeline::new(spec.name(), spec.query(), NonZeroU32::MIN);
            self.until_answered(|| client.create_with_id(&id, &create))
                .await?;
        }
        loop {
            let jobs = self.until_answered(|| client.jobs(&id)).await?;
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

    async fn until_answered<T, F>(&self, call: impl Fn() -> F) -> Result<T, GaveUp>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(_) if Instant::now() < self.until => sleep(PAUSE).await,
                Err(_) => return Err(GaveUp),
            }
        }
    }
}

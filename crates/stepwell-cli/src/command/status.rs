//! `stepwell status`.

mod report;

use serde_json::json;
use stepwell::{
    PipelineId, Transport as _,
    arroyo::{Checkpoint, Client, Endpoint, Job, JobError, Pipeline},
};

use crate::{
    arguments::StatusArguments, command::list::without_secrets, exit::Exit, failure::Failure, find,
    output::Output, standard_output,
};

pub(crate) async fn status(arguments: StatusArguments, output: &Output) -> Result<Exit, Failure> {
    let place = arguments.place.open().await?;
    place.show(output);
    let client = place.client();
    let read = async |id: PipelineId| Ok(client.pipeline(&id).await?);
    let is_missing =
        |failure: &Failure| matches!(failure, Failure::Call { source } if source.is_not_found());
    let pipeline = find::pipeline(&client, &arguments.target.pipeline, read, is_missing).await?;
    let status = PipelineStatus::read(&client, pipeline).await?;
    let text = if output.is_json() {
        format!("{}\n", status.json())
    } else {
        status.report()
    };
    standard_output::print(text).await?;
    Ok(Exit::Success)
}

/// A pipeline with its job, and the job's errors and checkpoints.
struct PipelineStatus {
    pipeline: Pipeline,
    job: Option<Job>,
    errors: Vec<JobError>,
    checkpoints: Vec<Checkpoint>,
    dashboard: Option<String>,
}

impl PipelineStatus {
    async fn read(client: &Client, pipeline: Pipeline) -> Result<Self, Failure> {
        let id = &pipeline.id;
        let job = client.job(id).await?;
        let (errors, checkpoints) = match &job {
            Some(job) => tokio::try_join!(
                client.job_errors(id, &job.id),
                client.checkpoints(id, &job.id)
            )?,
            None => (Vec::new(), Vec::new()),
        };
        let base = client.transport().base_url();
        let endpoint = base.and_then(|base| Endpoint::from_uri(&base).ok());
        Ok(Self {
            dashboard: endpoint.map(|endpoint| endpoint.dashboard(id)),
            pipeline,
            job,
            errors,
            checkpoints,
        })
    }

    fn json(&self) -> serde_json::Value {
        let pipeline = &self.pipeline;
        json!({
            "id": pipeline.id, "name": pipeline.name, "stop": pipeline.stop, "graph": pipeline.graph,
            "job": without_secrets(self.job.as_ref()), "errors": self.errors, "checkpoints": self.checkpoints,
        })
    }
}

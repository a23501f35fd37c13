//! [`Call`]: a call of the client, derived from a request.

use std::num::NonZeroU32;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use stepwell_arroyo::{
    Client, ClientError, CreatePipeline, JobId, PatchPipeline, PipelineId, RestartPipeline,
    StopMode, Udf,
};

use crate::{recording::RecordedResponse, request::AnyRequest};

#[derive(Debug)]
pub enum Call {
    Ping,
    Validate {
        query: String,
        udfs: Vec<Udf>,
    },
    List {
        limit: NonZeroU32,
        after: Option<PipelineId>,
    },
    Get(PipelineId),
    Create(CreatePipeline),
    CreateWithId(PipelineId, CreatePipeline),
    Patch(PipelineId, PatchPipeline),
    Restart(PipelineId, RestartPipeline),
    Delete(PipelineId),
    Jobs(PipelineId),
    AllJobs,
    JobErrors(PipelineId, JobId),
    Checkpoints(PipelineId, JobId),
    Output(PipelineId, JobId),
}

impl Call {
    /// The call that sends this request, if there is one.
    pub fn of(request: &AnyRequest) -> Option<Self> {
        let segments = request.segments()?;
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        let pipeline = |id: &str| PipelineId::from_server(id);
        let job = |id: &str| JobId::from_server(id);
        let body = request.body.as_ref();
        Some(match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["ping"]) => Self::Ping,
            ("POST", ["pipelines", "validate_query"]) => Self::Validate {
                query: text(body?, "query")?,
                udfs: field(body?, "udfs").unwrap_or_default(),
            },
            ("GET", ["pipelines"]) => Self::List {
                limit: request.parameter("limit").unwrap_or("1").parse().ok()?,
                after: request.parameter("starting_after").map(pipeline),
            },
            ("POST", ["pipelines"]) => Self::Create(create(body?)?),
            ("GET", ["pipelines", id]) if !id.is_empty() => Self::Get(pipeline(id)),
            ("PUT", ["pipelines", id]) => Self::CreateWithId(pipeline(id), create(body?)?),
            ("PATCH", ["pipelines", id]) => Self::Patch(pipeline(id), patch(body?)?),
            ("DELETE", ["pipelines", id]) => Self::Delete(pipeline(id)),
            ("POST", ["pipelines", id, "restart"]) => Self::Restart(pipeline(id), restart(body?)),
            ("GET", ["jobs"]) => Self::AllJobs,
            ("GET", ["pipelines", id, "jobs"]) => Self::Jobs(pipeline(id)),
            ("GET", ["pipelines", id, "jobs", j, "errors"]) => {
                Self::JobErrors(pipeline(id), job(j))
            }
            ("GET", ["pipelines", id, "jobs", j, "checkpoints"]) => {
                Self::Checkpoints(pipeline(id), job(j))
            }
            ("GET", ["pipelines", id, "jobs", j, "output"]) => Self::Output(pipeline(id), job(j)),
            _ => return None,
        })
    }

    /// The call whose reply this request has, even if its body and parameters cannot be sent.
    pub fn like(request: &AnyRequest) -> Option<Self> {
        Self::of(request).or_else(|| Self::of(&request.with_any_body()))
    }

    /// Makes the call, and returns the decoded value in the server's form.
    pub async fn make(&self, client: &Client) -> Result<Value, ClientError> {
        match self {
            Self::Ping => client.ping().await.map(|()| json!("Pong")),
            Self::Validate { query, udfs } => shown(client.validate(query, udfs).await),
            Self::List { limit, after } => {
                shown(client.pipelines_page(*limit, after.as_ref()).await)
            }
            Self::Get(id) => shown(client.pipeline(id).await),
            Self::Create(create) => shown(client.create(create).await),
            Self::CreateWithId(id, create) => shown(client.create_with_id(id, create).await),
            Self::Patch(id, patch) => shown(client.patch(id, patch).await),
            Self::Restart(id, restart) => shown(client.restart(id, restart).await),
            Self::Delete(id) => client.delete(id).await.map(|()| Value::Null),
            Self::Jobs(id) => shown(client.jobs(id).await),
            Self::AllJobs => shown(client.all_jobs().await),
            Self::JobErrors(id, job) => shown(client.job_errors(id, job).await),
            Self::Checkpoints(id, job) => shown(client.checkpoints(id, job).await),
            Self::Output(id, job) => rows(client, id, job).await,
        }
    }

    /// The part of a reply that the client returns.
    pub fn expected(&self, response: &RecordedResponse) -> Value {
        match self {
            Self::Jobs(_) | Self::AllJobs | Self::JobErrors(..) | Self::Checkpoints(..) => {
                response.json()["data"].clone()
            }
            Self::Delete(_) => Value::Null,
            Self::Output(..) => events(&response.body),
            _ => response.json(),
        }
    }
}

/// All rows until the stream ends.
async fn rows(client: &Client, id: &PipelineId, job: &JobId) -> Result<Value, ClientError> {
    let mut output = client.output(id, job).await?;
    let mut batches = Vec::new();
    while let Some(batch) = output.next().await? {
        let rows: Vec<Value> = batch
            .rows
            .iter()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect();
        batches.push(json!([
            batch.operator_id,
            batch.subtask,
            batch.start_id,
            rows
        ]));
    }
    Ok(Value::Array(batches))
}

/// The events of a recorded stream, each with its data on one line. The last one is incomplete, because the recording was cut there.
fn events(stream: &str) -> Value {
    let (stream, _cut) = stream.rsplit_once("\n\n").unwrap();
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let batch = |data: &str| {
        let event: Value = serde_json::from_str(data).unwrap();
        let rows: Value = serde_json::from_str(event["batch"].as_str().unwrap()).unwrap();
        json!([
            event["operator_id"],
            event["subtask_idx"],
            event["start_id"],
            rows
        ])
    };
    data.map(batch).collect()
}

fn shown<T: Serialize>(result: Result<T, ClientError>) -> Result<Value, ClientError> {
    result.map(|value| serde_json::to_value(value).unwrap())
}

fn text(body: &Value, name: &str) -> Option<String> {
    body[name].as_str().map(ToOwned::to_owned)
}

fn field<T: DeserializeOwned>(body: &Value, name: &str) -> Option<T> {
    serde_json::from_value(body.get(name)?.clone()).ok()
}

fn create(body: &Value) -> Option<CreatePipeline> {
    let parallelism = field(body, "parallelism")?;
    let mut create = CreatePipeline::new(text(body, "name")?, text(body, "query")?, parallelism);
    if let Some(micros) = field(body, "checkpoint_interval_micros") {
        create = create.checkpoint_interval_micros(micros);
    }
    if let Some(udfs) = field(body, "udfs") {
        create = create.udfs(udfs);
    }
    if let Some(tags) = field(body, "tags") {
        create = create.tags(tags);
    }
    if let Some(env_vars) = field(body, "env_vars") {
        create = create.env_vars(env_vars);
    }
    if let Some(config) = body.get("scheduler_config") {
        create = create.scheduler_config(config.clone());
    }
    Some(create)
}

fn patch(body: &Value) -> Option<PatchPipeline> {
    let mut patch = PatchPipeline::new();
    if let Some(stop) = body.get("stop") {
        patch = patch.stop(StopMode::from(stop.as_str()?));
    }
    if let Some(value) = body.get("parallelism") {
        patch = patch.parallelism(serde_json::from_value(value.clone()).ok()?);
    }
    if let Some(micros) = field(body, "checkpoint_interval_micros") {
        patch = patch.checkpoint_interval_micros(micros);
    }
    Some(patch)
}

fn restart(body: &Value) -> RestartPipeline {
    let mut restart = RestartPipeline::new();
    if field(body, "force").unwrap_or(false) {
        restart = restart.force();
    }
    if field(body, "ignore_state").unwrap_or(false) {
        restart = restart.ignore_state();
    }
    restart
}

//! Calls of the client that are what a recording has.

use std::num::NonZeroU32;

use serde::Serialize;
use serde_json::{Value, json};
use stepwell_arroyo::{
    Client, ClientError, CreatePipeline, JobId, PatchPipeline, PipelineId, RestartPipeline,
    StopMode, Udf,
};

use super::{Exchange, RecordedResponse};

/// A call of the client, from the request of a recording.
#[derive(Debug)]
pub enum Call {
    Ping,
    Validate,
    List,
    Get(PipelineId),
    Create,
    CreateWithId(PipelineId),
    Patch(PipelineId),
    Restart(PipelineId),
    Delete(PipelineId),
    Jobs(PipelineId),
    JobErrors(PipelineId, JobId),
    Checkpoints(PipelineId, JobId),
}

impl Call {
    pub fn of(exchange: &Exchange) -> Option<Self> {
        let path = exchange.request.path.split('?').next()?;
        let segments: Vec<_> = path
            .strip_prefix("/api/v1/")?
            .split('/')
            .map(percent_decoded)
            .collect();
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        let pipeline = |id: &str| PipelineId::from_server(id);
        let job = |id: &str| JobId::from_server(id);
        Some(
            match (exchange.request.method.as_str(), segments.as_slice()) {
                ("GET", ["ping"]) => Self::Ping,
                ("POST", ["pipelines", "validate_query"]) => Self::Validate,
                ("GET", ["pipelines"]) => Self::List,
                ("POST", ["pipelines"]) => Self::Create,
                ("GET", ["pipelines", id]) if !id.is_empty() => Self::Get(pipeline(id)),
                ("PUT", ["pipelines", id]) => Self::CreateWithId(pipeline(id)),
                ("PATCH", ["pipelines", id]) => Self::Patch(pipeline(id)),
                ("DELETE", ["pipelines", id]) => Self::Delete(pipeline(id)),
                ("POST", ["pipelines", id, "restart"]) => Self::Restart(pipeline(id)),
                ("GET", ["pipelines", id, "jobs"]) => Self::Jobs(pipeline(id)),
                ("GET", ["pipelines", id, "jobs", j, "errors"]) => {
                    Self::JobErrors(pipeline(id), job(j))
                }
                ("GET", ["pipelines", id, "jobs", j, "checkpoints"]) => {
                    Self::Checkpoints(pipeline(id), job(j))
                }
                _ => return None,
            },
        )
    }

    /// Calls, and gives the value that was decoded as the server writes it.
    pub async fn make(&self, client: &Client, body: &str) -> Result<Value, ClientError> {
        let limit = NonZeroU32::new(10_000).unwrap();
        let create = create(body).unwrap_or_else(|| CreatePipeline::new("n", "q", NonZeroU32::MIN));
        match self {
            Self::Ping => client.ping().await.map(|()| json!("Pong")),
            Self::Validate => {
                let body: Value = serde_json::from_str(body).unwrap_or_default();
                let udfs: Vec<Udf> =
                    serde_json::from_value(body["udfs"].clone()).unwrap_or_default();
                let query = body["query"].as_str().unwrap_or_default();
                shown(client.validate(query, &udfs).await)
            }
            Self::List => shown(client.pipelines_page(limit, None).await),
            Self::Get(id) => shown(client.pipeline(id).await),
            Self::Create => shown(client.create(&create).await),
            Self::CreateWithId(id) => shown(client.create_with_id(id, &create).await),
            Self::Patch(id) => shown(client.patch(id, &patch(body).unwrap_or_default()).await),
            Self::Restart(id) => {
                shown(client.restart(id, &restart(body).unwrap_or_default()).await)
            }
            Self::Delete(id) => client.delete(id).await.map(|()| Value::Null),
            Self::Jobs(id) => shown(client.jobs(id).await),
            Self::JobErrors(id, job) => shown(client.job_errors(id, job).await),
            Self::Checkpoints(id, job) => shown(client.checkpoints(id, job).await),
        }
    }

    /// What of a reply the client gives back.
    pub fn expected(&self, response: &RecordedResponse) -> Value {
        match self {
            Self::Jobs(_) | Self::JobErrors(..) | Self::Checkpoints(..) => {
                response.json()["data"].clone()
            }
            Self::Delete(_) => Value::Null,
            _ => response.json(),
        }
    }
}

pub fn shown<T: Serialize>(result: Result<T, ClientError>) -> Result<Value, ClientError> {
    result.map(|value| serde_json::to_value(value).unwrap())
}

fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (first, after) {
            let digits = [*high, *low];
            let digits = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The fields of a body, if they are no others than these.
fn fields(body: &str, known: &[&str]) -> Option<Value> {
    let body: Value = serde_json::from_str(body).ok()?;
    let fields = body.as_object()?;
    fields
        .keys()
        .all(|key| known.contains(&key.as_str()))
        .then_some(body)
}

fn parallelism(value: &Value) -> Option<NonZeroU32> {
    NonZeroU32::new(value.as_u64()?.try_into().ok()?)
}

/// A recorded create, if the client could have sent it.
fn create(body: &str) -> Option<CreatePipeline> {
    let known = [
        "name",
        "query",
        "parallelism",
        "checkpoint_interval_micros",
        "udfs",
        "tags",
        "env_vars",
        "scheduler_config",
    ];
    let body = fields(body, &known)?;
    let (name, query) = (body["name"].as_str()?, body["query"].as_str()?);
    let mut create = CreatePipeline::new(name, query, parallelism(&body["parallelism"])?);
    if let Some(micros) = body.get("checkpoint_interval_micros") {
        create = create.checkpoint_interval_micros(micros.as_u64()?);
    }
    if let Some(udfs) = body.get("udfs") {
        create = create.udfs(serde_json::from_value(udfs.clone()).ok()?);
    }
    if let Some(tags) = body.get("tags") {
        create = create.tags(serde_json::from_value(tags.clone()).ok()?);
    }
    if let Some(env_vars) = body.get("env_vars") {
        create = create.env_vars(serde_json::from_value(env_vars.clone()).ok()?);
    }
    if let Some(config) = body.get("scheduler_config") {
        create = create.scheduler_config(config.clone());
    }
    Some(create)
}

fn patch(body: &str) -> Option<PatchPipeline> {
    let body = fields(body, &["stop", "parallelism", "checkpoint_interval_micros"])?;
    let mut patch = PatchPipeline::new();
    if let Some(stop) = body.get("stop") {
        patch = patch.stop(StopMode::from(stop.as_str()?));
    }
    if let Some(value) = body.get("parallelism") {
        patch = patch.parallelism(parallelism(value)?);
    }
    if let Some(micros) = body.get("checkpoint_interval_micros") {
        patch = patch.checkpoint_interval_micros(micros.as_u64()?);
    }
    Some(patch)
}

fn restart(body: &str) -> Option<RestartPipeline> {
    let body = fields(body, &["force", "ignore_state"])?;
    let mut restart = RestartPipeline::new();
    for (field, value) in body.as_object()? {
        restart = match (field.as_str(), value.as_bool()?) {
            ("force", true) => restart.force(),
            ("ignore_state", true) => restart.ignore_state(),
            _ => return None,
        };
    }
    Some(restart)
}

/// What the client must have sent for this recording, if it can send such a body at all.
pub fn sent(call: &Call, body: &str) -> Option<Value> {
    let can_be_sent = match call {
        Call::Create | Call::CreateWithId(_) => create(body).is_some(),
        Call::Patch(_) => patch(body).is_some(),
        Call::Restart(_) => restart(body).is_some(),
        Call::Validate => fields(body, &["query", "udfs"])?["query"].is_string(),
        _ => false,
    };
    can_be_sent.then(|| serde_json::from_str(body).unwrap())
}

/// Without what is left out when it is empty, and without the second spelling.
pub fn normal(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.remove("checkpointIntervalMicros");
        fields.retain(|name, value| name != "udfs" || *value != json!([]));
    }
    body
}

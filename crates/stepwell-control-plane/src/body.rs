//! Request bodies, parsed as a real server parses them.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::error::Category;
use stepwell_arroyo::{StopMode, Udf};

use crate::reply::{Reply, reject};

mod place;

/// The maximum size of a body, in bytes.
const LIMIT: usize = 2 * 1024 * 1024;

#[derive(Deserialize)]
pub(crate) struct ValidateQueryPost {
    pub(crate) query: String,
    #[serde(default)]
    pub(crate) udfs: Option<Vec<Udf>>,
}

#[derive(Deserialize)]
pub(crate) struct PipelinePost {
    pub(crate) name: String,
    pub(crate) query: String,
    pub(crate) parallelism: u64,
    pub(crate) checkpoint_interval_micros: Option<u64>,
    pub(crate) udfs: Option<Vec<Udf>>,
    pub(crate) state_url: Option<String>,
    pub(crate) tags: Option<BTreeMap<String, String>>,
    pub(crate) env_vars: Option<BTreeMap<String, String>>,
    pub(crate) scheduler_config: Option<serde_json::Value>,
}

/// The fields that 0.15 reads. All others are ignored, whatever their type (recording `105_create_same_query_again`).
#[derive(Deserialize)]
pub(crate) struct OldPipelinePost {
    name: String,
    query: String,
    parallelism: u64,
    checkpoint_interval_micros: Option<u64>,
    udfs: Option<Vec<Udf>>,
}

#[derive(Deserialize)]
pub(crate) struct PreviewPost {
    pub(crate) query: String,
    pub(crate) udfs: Option<Vec<Udf>>,
}

#[derive(Deserialize)]
pub(crate) struct PipelinePatch {
    pub(crate) stop: Option<Stop>,
    pub(crate) parallelism: Option<u64>,
    pub(crate) checkpoint_interval_micros: Option<u64>,
    pub(crate) env_vars: Option<BTreeMap<String, String>>,
    pub(crate) scheduler_config: Option<serde_json::Value>,
}

/// The fields that 0.15 reads (recording `134_patch_env_only`).
#[derive(Deserialize)]
pub(crate) struct OldPipelinePatch {
    stop: Option<Stop>,
    parallelism: Option<u64>,
    checkpoint_interval_micros: Option<u64>,
}

impl From<OldPipelinePost> for PipelinePost {
    fn from(post: OldPipelinePost) -> Self {
        Self {
            name: post.name,
            query: post.query,
            parallelism: post.parallelism,
            checkpoint_interval_micros: post.checkpoint_interval_micros,
            udfs: post.udfs,
            state_url: None,
            tags: None,
            env_vars: None,
            scheduler_config: None,
        }
    }
}

impl From<OldPipelinePatch> for PipelinePatch {
    fn from(patch: OldPipelinePatch) -> Self {
        Self {
            stop: patch.stop,
            parallelism: patch.parallelism,
            checkpoint_interval_micros: patch.checkpoint_interval_micros,
            env_vars: None,
            scheduler_config: None,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct PipelineRestart {
    pub(crate) force: Option<bool>,
    #[allow(
        dead_code,
        reason = "only its type is checked; every restart here is from the last checkpoint"
    )]
    pub(crate) ignore_state: Option<bool>,
}

/// A stop mode that the server accepts; others are refused.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stop {
    None,
    Checkpoint,
    Graceful,
    Immediate,
    Force,
}

impl From<Stop> for StopMode {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::None => Self::None,
            Stop::Checkpoint => Self::Checkpoint,
            Stop::Graceful => Self::Graceful,
            Stop::Immediate => Self::Immediate,
            Stop::Force => Self::Force,
        }
    }
}

/// Parses a JSON body, or returns the refusal. Unknown fields and anything after the value are ignored.
pub(crate) fn read<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, Reply> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        return Err(reject(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Expected request with `Content-Type: application/json`",
        ));
    }
    if request.body().len() > LIMIT {
        return Err(reject(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Failed to buffer the request body: length limit exceeded",
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(request.body());
    T::deserialize(&mut deserializer).map_err(|error| refusal(request.body(), &error))
}

fn refusal(body: &[u8], error: &serde_json::Error) -> Reply {
    let (status, what) = match error.classify() {
        Category::Data => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Failed to deserialize the JSON body into the target type",
        ),
        _ => (
            StatusCode::BAD_REQUEST,
            "Failed to parse the request body as JSON",
        ),
    };
    match place::path_to(body, error).as_str() {
        "" => reject(status, &format!("{what}: {error}")),
        path => reject(status, &format!("{what}: {path}: {error}")),
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        || (kind.to_ascii_lowercase().starts_with("application/")
            && kind.to_ascii_lowercase().ends_with("+json"))
}

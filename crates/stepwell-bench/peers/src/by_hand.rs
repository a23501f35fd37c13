//! A client on reqwest, as it could be written in an afternoon.

use reqwest::{Client, RequestBuilder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use snafu::{OptionExt, ResultExt};

use crate::{
    PeerError,
    error::{BuildSnafu, Cause, NoJobSnafu, RequestSnafu},
    peer::Peer,
    style::{NAME, http},
};

#[derive(Serialize)]
struct Validate<'a> {
    query: &'a str,
}

#[derive(Deserialize)]
struct Validation {
    errors: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    message: String,
}

#[derive(Serialize)]
struct NewPipeline<'a> {
    name: &'a str,
    query: &'a str,
    parallelism: u64,
}

#[derive(Serialize)]
struct Patch<'a> {
    stop: &'a str,
}

/// A pipeline in a list.
#[derive(Debug, Deserialize)]
#[allow(unnameable_types, reason = "it is named by `Peer::Pipeline`")]
#[non_exhaustive]
pub struct Pipeline {
    id: String,
    query: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    data: Vec<Pipeline>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Job {
    state: String,
}

#[derive(Deserialize)]
struct Jobs {
    data: Vec<Job>,
}

/// A client written by hand on reqwest. It decodes the fields that it needs as owned values.
#[derive(Clone, Debug)]
pub struct ByHand {
    client: Client,
    api: String,
}

impl ByHand {
    /// Creates a client of the server at `base_url`, such as `http://127.0.0.1:5115`.
    ///
    /// # Errors
    ///
    /// Fails if the HTTP client cannot be built.
    pub fn new(base_url: &str) -> Result<Self, PeerError> {
        let client = http().context(BuildSnafu)?;
        let api = format!("{}/api/v1", base_url.trim_end_matches('/'));
        Ok(Self { client, api })
    }
}

impl Peer for ByHand {
    type Pipeline = Pipeline;

    fn id(pipeline: &Pipeline) -> &str {
        &pipeline.id
    }

    fn query(pipeline: &Pipeline) -> &str {
        &pipeline.query
    }

    async fn ping(&self) -> Result<(), Cause> {
        let request = self.client.get(format!("{}/ping", self.api));
        json::<String>("ping", request).await?;
        Ok(())
    }

    async fn errors(&self, query: &str) -> Result<Vec<String>, PeerError> {
        let request = self
            .client
            .post(format!("{}/pipelines/validate_query", self.api))
            .json(&Validate { query });
        let Validation { errors } = json("validate", request).await?;
        Ok(errors.into_iter().map(|error| error.message).collect())
    }

    async fn page(
        &self,
        limit: u32,
        starting_after: Option<&str>,
    ) -> Result<(Vec<Pipeline>, bool), PeerError> {
        let request = self
            .client
            .get(format!("{}/pipelines", self.api))
            .query(&[("limit", limit)]);
        let request = match starting_after {
            Some(id) => request.query(&[("starting_after", id)]),
            None => request,
        };
        let page: Page = json("list", request).await?;
        Ok((page.data, page.has_more))
    }

    async fn resume(&self, id: String) -> Result<String, PeerError> {
        let request = self
            .client
            .patch(format!("{}/pipelines/{id}", self.api))
            .json(&Patch { stop: "none" });
        let pipeline: Pipeline = json("resume", request).await?;
        Ok(pipeline.id)
    }

    async fn create(&self, query: &str, id: Option<&str>) -> Result<String, PeerError> {
        let request = match id {
            Some(id) => self.client.put(format!("{}/pipelines/{id}", self.api)),
            None => self.client.post(format!("{}/pipelines", self.api)),
        };
        let new = NewPipeline {
            name: NAME,
            query,
            parallelism: 1,
        };
        let pipeline: Pipeline = json("create", request.json(&new)).await?;
        Ok(pipeline.id)
    }

    async fn state(&self, id: &str) -> Result<String, PeerError> {
        let jobs: Jobs = json(
            "jobs",
            self.client.get(format!("{}/pipelines/{id}/jobs", self.api)),
        )
        .await?;
        Ok(jobs
            .data
            .into_iter()
            .next()
            .context(NoJobSnafu { id })?
            .state)
    }
}

async fn json<T: DeserializeOwned>(
    name: &'static str,
    request: RequestBuilder,
) -> Result<T, PeerError> {
    let reply = async { request.send().await?.error_for_status()?.json().await };
    reply
        .await
        .map_err(Into::into)
        .context(RequestSnafu { request: name })
}

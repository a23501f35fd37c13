//! A client on reqwest as one would write it in an afternoon.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use snafu::{OptionExt, ResultExt, ensure};

use crate::{
    PeerError, Way,
    error::{BuildSnafu, FailedSnafu, InvalidSnafu, NoJobSnafu, NotUpSnafu, RequestSnafu},
    way::{NAME, PING_PAUSE, PINGS, http, pause},
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

#[derive(Deserialize)]
struct Pipeline {
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

/// A client written by hand: reqwest, and the fields that are needed, each as an owned value.
#[derive(Clone, Debug)]
pub struct ByHand {
    client: Client,
    api: String,
}

impl ByHand {
    /// For the server at `base_url`, as in `http://127.0.0.1:5115`.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be built.
    pub fn new(base_url: &str) -> Result<Self, PeerError> {
        let client = http().context(BuildSnafu)?;
        let api = format!("{}/api/v1", base_url.trim_end_matches('/'));
        Ok(Self { client, api })
    }

    /// Pings, validates, looks for a pipeline with this query, resumes it or creates one by `POST`, and polls its job, with `poll` between two
    /// polls, until it is Running. Gives the id.
    ///
    /// Not cancel-safe: a create that is cut may have happened.
    ///
    /// # Errors
    ///
    /// At the first request that fails; when the query is invalid; when the job fails.
    pub async fn submit(&self, way: Way, query: &str, poll: Duration) -> Result<String, PeerError> {
        self.run(way, query, None, poll).await
    }

    /// As [`submit`](Self::submit), but a new pipeline is created by `PUT` under `id`, as stepwell does. Not cancel-safe either.
    ///
    /// # Errors
    ///
    /// As `submit`.
    pub async fn submit_under(
        &self,
        way: Way,
        id: &str,
        query: &str,
        poll: Duration,
    ) -> Result<String, PeerError> {
        self.run(way, query, Some(id), poll).await
    }

    /// Pings, and looks for a pipeline with this query. Changes nothing, so that it may be dropped at any time.
    ///
    /// # Errors
    ///
    /// At the first request that fails.
    pub async fn find(&self, way: Way, query: &str) -> Result<Option<String>, PeerError> {
        self.connect().await?;
        let pipelines = self.pipelines(way.page_size()).await?;
        Ok(pipelines
            .into_iter()
            .find(|pipeline| pipeline.query == query)
            .map(|pipeline| pipeline.id))
    }

    async fn run(
        &self,
        way: Way,
        query: &str,
        id: Option<&str>,
        poll: Duration,
    ) -> Result<String, PeerError> {
        self.connect().await?;
        self.validate(query).await?;
        let pipelines = self.pipelines(way.page_size()).await?;
        let id = match pipelines
            .into_iter()
            .find(|pipeline| pipeline.query == query)
        {
            Some(pipeline) => self.resume(pipeline.id).await?,
            None => {
                if way == Way::ArroyoRun {
                    // What is there would be refused without --force.
                    self.page(way.page_size(), None).await?;
                }
                self.create(query, id).await?
            }
        };
        self.wait_until_running(way, &id, poll).await?;
        Ok(id)
    }

    async fn connect(&self) -> Result<(), PeerError> {
        let mut tries = 1;
        loop {
            let request = self.client.get(format!("{}/ping", self.api));
            match json::<String>("ping", request).await {
                Ok(_) => return Ok(()),
                Err(error) if tries == PINGS => {
                    return Err(error.into()).context(NotUpSnafu);
                }
                Err(_) => tries += 1,
            }
            pause(PING_PAUSE).await;
        }
    }

    async fn validate(&self, query: &str) -> Result<(), PeerError> {
        let request = self
            .client
            .post(format!("{}/pipelines/validate_query", self.api))
            .json(&Validate { query });
        let Validation { errors } = json("validate", request).await?;
        let messages: Vec<_> = errors.into_iter().map(|error| error.message).collect();
        ensure!(messages.is_empty(), InvalidSnafu { messages });
        Ok(())
    }

    async fn page(&self, limit: u32, starting_after: Option<&str>) -> Result<Page, PeerError> {
        let request = self
            .client
            .get(format!("{}/pipelines", self.api))
            .query(&[("limit", limit)]);
        let request = match starting_after {
            Some(id) => request.query(&[("starting_after", id)]),
            None => request,
        };
        json("list", request).await
    }

    async fn pipelines(&self, limit: u32) -> Result<Vec<Pipeline>, PeerError> {
        let mut pipelines: Vec<Pipeline> = Vec::new();
        loop {
            let page = self
                .page(limit, pipelines.last().map(|pipeline| pipeline.id.as_str()))
                .await?;
            pipelines.extend(page.data);
            if !page.has_more {
                return Ok(pipelines);
            }
        }
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

    async fn wait_until_running(
        &self,
        way: Way,
        id: &str,
        poll: Duration,
    ) -> Result<(), PeerError> {
        let mut state = self.state(id).await?;
        while state != "Running" {
            if way == Way::OnePage {
                pause(poll).await;
            }
            state = self.state(id).await?;
            ensure!(state != "Failed", FailedSnafu { id });
            if way == Way::ArroyoRun {
                pause(poll).await;
            }
        }
        Ok(())
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

//! What `arroyo run` is made of: the client that `progenitor` generates.

use std::time::Duration;

use progenitor_client::ResponseValue;
use snafu::{OptionExt, ResultExt, ensure};

use self::api::{
    Client,
    types::{
        Pipeline, PipelineCollection, PipelinePatch, PipelinePost, StopType, ValidateQueryPost,
    },
};
use crate::{
    PeerError, Way,
    error::{BuildSnafu, FailedSnafu, InvalidSnafu, NoJobSnafu, NotUpSnafu, RequestSnafu},
    way::{NAME, PING_PAUSE, PINGS, http, pause},
};

/// Written by `build.rs`: not ours to keep to our rules.
mod api {
    #![allow(
        warnings,
        clippy::all,
        clippy::pedantic,
        clippy::unwrap_used,
        clippy::use_self
    )]
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

/// The generated client, which decodes each reply whole.
#[derive(Clone, Debug)]
pub struct Generated {
    client: Client,
}

impl Generated {
    /// For the server at `base_url`, as in `http://127.0.0.1:5115`.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be built.
    pub fn new(base_url: &str) -> Result<Self, PeerError> {
        let http = http().context(BuildSnafu)?;
        let api = format!("{}/api", base_url.trim_end_matches('/'));
        Ok(Self {
            client: Client::new_with_client(&api, http),
        })
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
            match self.client.ping().send().await {
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
        let body = ValidateQueryPost::builder().query(query);
        let validation = inner(
            "validate",
            self.client.validate_query().body(body).send().await,
        )?;
        let messages: Vec<_> = validation
            .errors
            .into_iter()
            .map(|error| error.message)
            .collect();
        ensure!(messages.is_empty(), InvalidSnafu { messages });
        Ok(())
    }

    async fn page(
        &self,
        limit: u32,
        starting_after: Option<&str>,
    ) -> Result<PipelineCollection, PeerError> {
        let request = self.client.get_pipelines().limit(limit);
        let request = match starting_after {
            Some(id) => request.starting_after(id),
            None => request,
        };
        inner("list", request.send().await)
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
        let body = PipelinePatch::builder().stop(StopType::None);
        Ok(inner(
            "resume",
            self.client.patch_pipeline().id(id).body(body).send().await,
        )?
        .id)
    }

    async fn create(&self, query: &str, id: Option<&str>) -> Result<String, PeerError> {
        let body = PipelinePost::builder()
            .name(NAME)
            .query(query)
            .parallelism(1);
        let reply = match id {
            Some(id) => self.client.put_pipeline().id(id).body(body).send().await,
            None => self.client.create_pipeline().body(body).send().await,
        };
        Ok(inner("create", reply)?.id)
    }

    async fn state(&self, id: &str) -> Result<String, PeerError> {
        let jobs = inner("jobs", self.client.get_pipeline_jobs().id(id).send().await)?;
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

fn inner<T, E>(
    name: &'static str,
    reply: Result<ResponseValue<T>, progenitor_client::Error<E>>,
) -> Result<T, PeerError>
where
    progenitor_client::Error<E>: std::error::Error + Send + Sync + 'static,
{
    let reply = reply
        .map_err(Into::into)
        .context(RequestSnafu { request: name })?;
    Ok(reply.into_inner())
}

//! The client that `progenitor` generates, as in `arroyo run`.

use progenitor_client::ResponseValue;
use snafu::{OptionExt, ResultExt};

use self::api::{
    Client,
    types::{Pipeline, PipelinePatch, PipelinePost, StopType, ValidateQueryPost},
};
use crate::{
    PeerError,
    error::{BuildSnafu, Cause, NoJobSnafu, RequestSnafu},
    peer::Peer,
    style::{NAME, http},
};

/// Written by `build.rs`, so our lints do not apply.
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

/// The generated client, which decodes each reply completely.
#[derive(Clone, Debug)]
pub struct Generated {
    client: Client,
}

impl Generated {
    /// Creates a client of the server at `base_url`, such as `http://127.0.0.1:5115`.
    ///
    /// # Errors
    ///
    /// Fails if the HTTP client cannot be built.
    pub fn new(base_url: &str) -> Result<Self, PeerError> {
        let http = http().context(BuildSnafu)?;
        let api = format!("{}/api", base_url.trim_end_matches('/'));
        Ok(Self {
            client: Client::new_with_client(&api, http),
        })
    }
}

impl Peer for Generated {
    type Pipeline = Pipeline;

    fn id(pipeline: &Pipeline) -> &str {
        &pipeline.id
    }

    fn query(pipeline: &Pipeline) -> &str {
        &pipeline.query
    }

    async fn ping(&self) -> Result<(), Cause> {
        self.client.ping().send().await?;
        Ok(())
    }

    async fn errors(&self, query: &str) -> Result<Vec<String>, PeerError> {
        let body = ValidateQueryPost::builder().query(query);
        let validation = inner(
            "validate",
            self.client.validate_query().body(body).send().await,
        )?;
        Ok(validation
            .errors
            .into_iter()
            .map(|error| error.message)
            .collect())
    }

    async fn page(
        &self,
        limit: u32,
        starting_after: Option<&str>,
    ) -> Result<(Vec<Pipeline>, bool), PeerError> {
        let request = self.client.get_pipelines().limit(limit);
        let request = match starting_after {
            Some(id) => request.starting_after(id),
            None => request,
        };
        let page = inner("list", request.send().await)?;
        Ok((page.data, page.has_more))
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

//! The steps of both clients. Each client provides its requests.

use std::{future::Future, time::Duration};

use snafu::{ResultExt, ensure};

use crate::{
    PeerError, Style,
    error::{Cause, FailedSnafu, InvalidSnafu, NotUpSnafu},
    style::{PING_PAUSE, PINGS, pause},
};

/// A client that submits pipelines as `arroyo run` does. The required methods are its requests; the provided ones combine them.
pub trait Peer: Sync {
    /// A pipeline in a list, as the client decodes it.
    type Pipeline: Send;

    /// The id of a pipeline.
    fn id(pipeline: &Self::Pipeline) -> &str;

    /// The query of a pipeline.
    fn query(pipeline: &Self::Pipeline) -> &str;

    /// Pings once.
    ///
    /// # Errors
    ///
    /// Fails if the ping is not answered successfully.
    fn ping(&self) -> impl Future<Output = Result<(), Cause>> + Send;

    /// Validates the query and returns its errors.
    ///
    /// # Errors
    ///
    /// Fails if the request fails.
    fn errors(&self, query: &str) -> impl Future<Output = Result<Vec<String>, PeerError>> + Send;

    /// Reads a page of the list, and whether there are more.
    ///
    /// # Errors
    ///
    /// Fails if the request fails.
    fn page(
        &self,
        limit: u32,
        starting_after: Option<&str>,
    ) -> impl Future<Output = Result<(Vec<Self::Pipeline>, bool), PeerError>> + Send;

    /// Starts a pipeline and returns its id.
    ///
    /// # Errors
    ///
    /// Fails if the request fails.
    fn resume(&self, id: String) -> impl Future<Output = Result<String, PeerError>> + Send;

    /// Creates a pipeline, with `PUT` if an id is given and with `POST` otherwise, and returns its id.
    ///
    /// # Errors
    ///
    /// Fails if the request fails.
    fn create(
        &self,
        query: &str,
        id: Option<&str>,
    ) -> impl Future<Output = Result<String, PeerError>> + Send;

    /// Reads the state of a pipeline's job.
    ///
    /// # Errors
    ///
    /// Fails if the request fails, or if there is no job.
    fn state(&self, id: &str) -> impl Future<Output = Result<String, PeerError>> + Send;

    /// Pings, validates, looks for a pipeline with this query, resumes it or creates one with `POST`, and polls its job, with `poll` between
    /// two polls, until it is Running. Returns the id.
    ///
    /// Not cancel safe: a create that is cut off may have happened.
    ///
    /// # Errors
    ///
    /// Fails at the first request that fails, if the query is invalid, or if the job fails.
    fn submit(
        &self,
        style: Style,
        query: &str,
        poll: Duration,
    ) -> impl Future<Output = Result<String, PeerError>> + Send {
        run(self, style, query, None, poll)
    }

    /// As [`submit`](Self::submit), but a new pipeline is created with `PUT` under `id`, as stepwell does. Not cancel safe either.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    fn submit_under(
        &self,
        style: Style,
        id: &str,
        query: &str,
        poll: Duration,
    ) -> impl Future<Output = Result<String, PeerError>> + Send {
        run(self, style, query, Some(id), poll)
    }

    /// Pings, and looks for a pipeline with this query. Cancel safe: it changes nothing.
    ///
    /// # Errors
    ///
    /// Fails at the first request that fails.
    fn find(
        &self,
        style: Style,
        query: &str,
    ) -> impl Future<Output = Result<Option<String>, PeerError>> + Send {
        async move {
            connect(self).await?;
            look_for(self, style, query).await
        }
    }
}

async fn run<P: Peer + ?Sized>(
    peer: &P,
    style: Style,
    query: &str,
    id: Option<&str>,
    poll: Duration,
) -> Result<String, PeerError> {
    connect(peer).await?;
    let messages = peer.errors(query).await?;
    ensure!(messages.is_empty(), InvalidSnafu { messages });
    let id = match look_for(peer, style, query).await? {
        Some(found) => peer.resume(found).await?,
        None => {
            if style == Style::ArroyoRun {
                // `arroyo run` checks for other pipelines, which it refuses without --force.
                peer.page(style.page_size(), None).await?;
            }
            peer.create(query, id).await?
        }
    };
    wait_until_running(peer, style, &id, poll).await?;
    Ok(id)
}

async fn connect<P: Peer + ?Sized>(peer: &P) -> Result<(), PeerError> {
    let mut tries = 1;
    loop {
        match peer.ping().await {
            Ok(()) => return Ok(()),
            Err(error) if tries == PINGS => return Err(error).context(NotUpSnafu),
            Err(_) => tries += 1,
        }
        pause(PING_PAUSE).await;
    }
}

/// Reads all pages, and then finds the id of the pipeline with this query.
async fn look_for<P: Peer + ?Sized>(
    peer: &P,
    style: Style,
    query: &str,
) -> Result<Option<String>, PeerError> {
    let mut pipelines: Vec<P::Pipeline> = Vec::new();
    loop {
        let (page, has_more) = peer
            .page(style.page_size(), pipelines.last().map(P::id))
            .await?;
        pipelines.extend(page);
        if !has_more {
            break;
        }
    }
    let found = pipelines.iter().find(|found| P::query(found) == query);
    Ok(found.map(|found| P::id(found).to_owned()))
}

async fn wait_until_running<P: Peer + ?Sized>(
    peer: &P,
    style: Style,
    id: &str,
    poll: Duration,
) -> Result<(), PeerError> {
    let mut state = peer.state(id).await?;
    while state != "Running" {
        if style == Style::OnePage {
            pause(poll).await;
        }
        state = peer.state(id).await?;
        ensure!(state != "Failed", FailedSnafu { id });
        if style == Style::ArroyoRun {
            pause(poll).await;
        }
    }
    Ok(())
}

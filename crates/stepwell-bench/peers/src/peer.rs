//! What both clients do, written once; each brings its requests.

use std::{future::Future, time::Duration};

use snafu::{ResultExt, ensure};

use crate::{
    PeerError, Way,
    error::{Cause, FailedSnafu, InvalidSnafu, NotUpSnafu},
    way::{PING_PAUSE, PINGS, pause},
};

/// A client that submits pipelines as `arroyo run` does. The first seven are its requests, and the others what is made of them.
pub trait Peer: Sync {
    /// A pipeline of a list, as the client decodes it.
    type Pipeline: Send;

    /// The id of one.
    fn id(pipeline: &Self::Pipeline) -> &str;

    /// The query of one.
    fn query(pipeline: &Self::Pipeline) -> &str;

    /// Pings once.
    ///
    /// # Errors
    ///
    /// When there is no good answer.
    fn ping(&self) -> impl Future<Output = Result<(), Cause>> + Send;

    /// What is wrong with the query.
    ///
    /// # Errors
    ///
    /// When the request fails.
    fn errors(&self, query: &str) -> impl Future<Output = Result<Vec<String>, PeerError>> + Send;

    /// One page of the list, and whether there are more.
    ///
    /// # Errors
    ///
    /// When the request fails.
    fn page(
        &self,
        limit: u32,
        starting_after: Option<&str>,
    ) -> impl Future<Output = Result<(Vec<Self::Pipeline>, bool), PeerError>> + Send;

    /// Tells a pipeline to start; its id.
    ///
    /// # Errors
    ///
    /// When the request fails.
    fn resume(&self, id: String) -> impl Future<Output = Result<String, PeerError>> + Send;

    /// Creates one, by `PUT` where an id is given and by `POST` otherwise; its id.
    ///
    /// # Errors
    ///
    /// When the request fails.
    fn create(
        &self,
        query: &str,
        id: Option<&str>,
    ) -> impl Future<Output = Result<String, PeerError>> + Send;

    /// The state of its job.
    ///
    /// # Errors
    ///
    /// When the request fails, or there is no job.
    fn state(&self, id: &str) -> impl Future<Output = Result<String, PeerError>> + Send;

    /// Pings, validates, looks for a pipeline with this query, resumes it or creates one by `POST`, and polls its job, with `poll` between two
    /// polls, until it is Running. Gives the id.
    ///
    /// Not cancel-safe: a create that is cut may have happened.
    ///
    /// # Errors
    ///
    /// At the first request that fails; when the query is invalid; when the job fails.
    fn submit(
        &self,
        way: Way,
        query: &str,
        poll: Duration,
    ) -> impl Future<Output = Result<String, PeerError>> + Send {
        run(self, way, query, None, poll)
    }

    /// As [`submit`](Self::submit), but a new pipeline is created by `PUT` under `id`, as stepwell does. Not cancel-safe either.
    ///
    /// # Errors
    ///
    /// As `submit`.
    fn submit_under(
        &self,
        way: Way,
        id: &str,
        query: &str,
        poll: Duration,
    ) -> impl Future<Output = Result<String, PeerError>> + Send {
        run(self, way, query, Some(id), poll)
    }

    /// Pings, and looks for a pipeline with this query. Changes nothing, so that it may be dropped at any time.
    ///
    /// # Errors
    ///
    /// At the first request that fails.
    fn find(
        &self,
        way: Way,
        query: &str,
    ) -> impl Future<Output = Result<Option<String>, PeerError>> + Send {
        async move {
            connect(self).await?;
            look_for(self, way, query).await
        }
    }
}

async fn run<P: Peer + ?Sized>(
    peer: &P,
    way: Way,
    query: &str,
    id: Option<&str>,
    poll: Duration,
) -> Result<String, PeerError> {
    connect(peer).await?;
    let messages = peer.errors(query).await?;
    ensure!(messages.is_empty(), InvalidSnafu { messages });
    let id = match look_for(peer, way, query).await? {
        Some(found) => peer.resume(found).await?,
        None => {
            if way == Way::ArroyoRun {
                // What is there would be refused without --force.
                peer.page(way.page_size(), None).await?;
            }
            peer.create(query, id).await?
        }
    };
    wait_until_running(peer, way, &id, poll).await?;
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

/// The id of the pipeline with this query, looked for when all pages have been read.
async fn look_for<P: Peer + ?Sized>(
    peer: &P,
    way: Way,
    query: &str,
) -> Result<Option<String>, PeerError> {
    let mut pipelines: Vec<P::Pipeline> = Vec::new();
    loop {
        let (page, has_more) = peer
            .page(way.page_size(), pipelines.last().map(P::id))
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
    way: Way,
    id: &str,
    poll: Duration,
) -> Result<(), PeerError> {
    let mut state = peer.state(id).await?;
    while state != "Running" {
        if way == Way::OnePage {
            pause(poll).await;
        }
        state = peer.state(id).await?;
        ensure!(state != "Failed", FailedSnafu { id });
        if way == Way::ArroyoRun {
            pause(poll).await;
        }
    }
    Ok(())
}

//! The server for tests follows its settings: each setting has a test that fails if it is ignored.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod held;
mod requests;
mod runs;
mod settings;

use std::{num::NonZeroU32, panic::AssertUnwindSafe, time::Duration};

use bytes::Bytes;
use http::{Method, Request};
use stepwell_arroyo::{
    Client, CreatePipeline, ErrorDomain, Job, JobState, PatchPipeline, PipelineId, SqlDiagnostic,
    StopMode,
};
use stepwell_control_plane::{
    Generation, Options, Scheduler,
    testing::{Failure, RunEnd, Server, ServerBuilder, Workers},
};
use stepwell_transport::{
    BodyLimit, Phase, SharedTransport, Timeout, Transport as _, TransportError,
    TransportErrorKind as Kind,
};
use tokio::time::{Instant, sleep};

const PIPELINES: &str = "/api/v1/pipelines";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn client(server: &Server) -> Client {
    Client::new(SharedTransport::new(server.clone()))
}

fn pipeline(query: &str) -> CreatePipeline {
    CreatePipeline::new("orders", query, NonZeroU32::new(2).unwrap())
}

async fn create(server: &Server, query: &str) -> PipelineId {
    client(server).create(&pipeline(query)).await.unwrap().id
}

/// A server with a pipeline that has had time to reach Running.
async fn running(builder: ServerBuilder) -> (Server, PipelineId) {
    let server = builder.build();
    let id = create(&server, "SELECT 1").await;
    sleep(seconds(2)).await;
    assert_eq!(state(&server, &id), JobState::Running);
    (server, id)
}

fn state(server: &Server, id: &PipelineId) -> JobState {
    server.pipeline(id).unwrap().state
}

async fn job(server: &Server, id: &PipelineId) -> Job {
    client(server).jobs(id).await.unwrap().remove(0)
}

/// How long the pipeline takes to reach this state, to the millisecond.
async fn until(server: &Server, id: &PipelineId, awaited: &JobState) -> Duration {
    let began = Instant::now();
    while state(server, id) != *awaited {
        assert!(began.elapsed() < seconds(60), "{}", state(server, id));
        sleep(millis(1)).await;
    }
    began.elapsed()
}

async fn ping(server: &Server) -> Result<(), TransportError> {
    let request = Request::get("/api/v1/ping").body(Bytes::new()).unwrap();
    server.execute(request).await.map(|_| ())
}

fn kind_and_phase<T>(result: Result<T, TransportError>) -> Option<(Kind, Phase)> {
    let error = result.err()?;
    Some((error.kind(), error.phase()))
}

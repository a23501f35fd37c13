//! Many concurrent submissions in one process.

use bytes::Bytes;
use http::Request;
use serde_json::Value;
use stepwell::{HyperTransport, PipelineSpec, Shutdown, Transport as _, spec::SpecError};
use tokio::task::JoinSet;

use crate::{
    client::{floor::Failure, stepwell as own},
    held,
};

/// Submits this many pipelines concurrently, over one transport and with one shutdown. Each has its own query.
///
/// # Errors
///
/// Fails if one of them fails.
pub async fn submit_at_once(url: &str, count: usize) -> Result<(), Failure> {
    let transport = HyperTransport::builder(url).build()?.into_shared();
    let shutdown = Shutdown::new();
    let mut submissions = JoinSet::new();
    for spec in specs(count) {
        let spec = spec?;
        let (transport, shutdown) = (transport.clone(), shutdown.clone());
        submissions.spawn(async move { own::submit(&transport, &shutdown, spec).await });
    }
    while let Some(submission) = submissions.join_next().await {
        submission??;
    }
    Ok(())
}

/// Submits them one after the other.
///
/// # Errors
///
/// Fails if one of them fails.
pub async fn submit_in_turn(url: &str, count: usize) -> Result<(), Failure> {
    let transport = HyperTransport::builder(url).build()?.into_shared();
    let shutdown = Shutdown::new();
    for spec in specs(count) {
        own::submit(&transport, &shutdown, spec?).await?;
    }
    Ok(())
}

/// Reads what the server was asked since the last call.
///
/// # Errors
///
/// Fails if the server does not answer.
pub async fn asked(url: &str) -> Result<Value, Failure> {
    let transport = HyperTransport::builder(url).build()?;
    let request = Request::get("/asked").body(Bytes::new())?;
    let reply = transport.execute(request).await?;
    Ok(serde_json::from_slice(reply.body())?)
}

fn specs(count: usize) -> impl Iterator<Item = Result<PipelineSpec, SpecError>> {
    (0..count).map(|number| held::spec(&held::query(usize::MAX - 1 - number)))
}

/// The size of the future of one submission, in bytes.
///
/// # Errors
///
/// Fails if the address cannot be used.
pub fn size_of_submission(url: &str) -> Result<usize, Failure> {
    let transport = HyperTransport::builder(url).build()?.into_shared();
    let shutdown = Shutdown::new();
    let future = own::submit(&transport, &shutdown, held::spec("SELECT 1")?);
    Ok(size_of_val(&future))
}

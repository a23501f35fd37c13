//! Every client does its task, and sends no fewer requests than the others.

use std::{error::Error, sync::Arc};

use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use stepwell_bench::{
    run::{MeasuredClient, Subject, Task},
    server::{Canned, serve},
};
use tokio::net::TcpListener;

async fn server(held: usize) -> Result<String, Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(serve(listener, Arc::new(Canned::new(held)?)));
    Ok(url)
}

/// What the server was asked since the last call.
async fn asked(url: &str) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let client: HttpClient<HttpConnector, Empty<bytes::Bytes>> =
        HttpClient::builder(TokioExecutor::new()).build_http();
    let reply = client.get(format!("{url}/asked").parse()?).await?;
    let body = reply.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}

async fn once(peer: &str, task: Task, held: usize) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let url = server(held).await?;
    let mut client = MeasuredClient::new(peer.parse()?, task, &url, held).await?;
    asked(&url).await?;
    client.once().await?;
    asked(&url).await
}

#[tokio::test]
async fn a_submission_is_the_same_work_for_all() -> Result<(), Box<dyn Error + Send + Sync>> {
    let whole = json!({"requests": 7, "lists": 1, "rows": 10});
    for peer in ["stepwell", "floor", "bare", "generated", "by-hand"] {
        assert_eq!(once(peer, Task::Submit, 10).await?, whole, "{peer}");
    }
    // The first page is read once more.
    let twice = json!({"requests": 8, "lists": 2, "rows": 20});
    for peer in ["generated-arroyo-run", "by-hand-arroyo-run"] {
        assert_eq!(once(peer, Task::Submit, 10).await?, twice, "{peer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_match_is_found_by_all() -> Result<(), Box<dyn Error + Send + Sync>> {
    for (peer, lists) in [
        ("stepwell", 1),
        ("floor", 1),
        ("bare", 1),
        ("generated", 1),
        ("by-hand", 1),
        ("generated-arroyo-run", 5),
        ("by-hand-arroyo-run", 5),
    ] {
        let asked = once(peer, Task::Find, 50).await?;
        assert_eq!(
            (&asked["lists"], &asked["rows"]),
            (&json!(lists), &json!(50)),
            "{peer}"
        );
    }
    Ok(())
}

#[test]
fn a_peer_that_is_not_there_is_an_error() {
    assert!("curl".parse::<Subject>().is_err());
}

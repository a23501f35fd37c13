//! The server: what it accepts, its limits, and concurrent clients.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use serde_json::{Value, json};
use support::{Api, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

const BLACKHOLE: &str = "CREATE TABLE impulse WITH (connector = 'impulse', event_rate = '1');
    CREATE TABLE sink (counter BIGINT UNSIGNED) WITH (connector = 'blackhole');
    INSERT INTO sink SELECT counter FROM impulse;";

#[tokio::test]
async fn pages_of_other_origins_are_kept_out() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let port = api.authority.rsplit_once(':').unwrap().1;
    let ping = async |headers: &str| {
        api.raw(
            format!("GET /api/v1/ping HTTP/1.1\r\nconnection: close\r\n{headers}\r\n").as_bytes(),
        )
        .await
    };
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let reply = ping(&format!(
            "host: {host}:{port}\r\norigin: http://{host}:{port}\r\n"
        ))
        .await;
        assert_eq!(
            (reply.status, reply.text.as_str()),
            (200, "\"Pong\""),
            "{host}"
        );
    }
    for headers in [
        String::new(),
        format!("host: rebound.example:{port}\r\n"),
        "host: localhost:1\r\n".to_owned(),
        format!("host: localhost:{port}\r\norigin: http://evil.example\r\n"),
        format!("host: localhost:{port}\r\norigin: null\r\n"),
    ] {
        let reply = ping(&headers).await;
        assert_eq!(reply.status, 403, "{headers}");
        assert!(reply.json()["error"].is_string(), "{reply:?}");
        assert!(
            !reply.head.contains("access-control-allow-origin"),
            "{reply:?}"
        );
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn large_bodies_are_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let body = json!({ "query": "x".repeat(3 * 1024 * 1024) });
    let reply = api
        .send("POST", "/api/v1/pipelines/validate_query", Some(&body))
        .await;
    assert_eq!(reply.status, 413);
    assert_eq!(
        reply.json(),
        json!({ "error": "Failed to buffer the request body: length limit exceeded" })
    );
    // The body is not read: it would never end.
    let endless = format!(
        "POST /api/v1/pipelines HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: 1000000000000\r\n\r\n",
        api.authority
    );
    assert_eq!(api.raw(endless.as_bytes()).await.status, 413);
    let nearly = json!({ "query": "-".repeat(2 * 1024 * 1024 - 100) });
    let reply = api
        .send("POST", "/api/v1/pipelines/validate_query", Some(&nearly))
        .await;
    assert_eq!(reply.status, 200);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_http_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    assert_eq!(api.raw(b"\x16\x03\x01 hello\r\n\r\n").await.status, 400);
    let halfway = tokio::net::TcpStream::connect(&api.authority)
        .await
        .unwrap();
    halfway
        .try_write(b"POST /api/v1/pipelines HTTP/1.1\r\nhost:")
        .unwrap();
    assert_eq!(api.get("/api/v1/ping").await, "Pong");
    // A connection in the middle of a request head does not delay the end.
    tokio::time::timeout(support::PATIENCE, engine.close())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let head = |method: &str, last: &str| {
        format!(
            "{method} /api/v1/pipelines HTTP/1.1\r\nhost: {}\r\n{last}\r\n",
            api.authority
        )
    };
    let requests = [
        head("GET", ""),
        head("HEAD", ""),
        head("GET", "connection: close\r\n"),
    ]
    .concat();
    let reply = api.raw(requests.as_bytes()).await;
    assert_eq!(reply.text.matches("HTTP/1.1 200").count(), 2, "{reply:?}");
    assert_eq!(
        reply.text.matches("\"hasMore\":false").count(),
        2,
        "{reply:?}"
    );
    engine.close().await.unwrap();
}

/// The clock is paused, and advances by itself whenever there is nothing to do.
#[tokio::test(start_paused = true)]
async fn clients_that_never_finish_are_cut() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let head = format!(
        "POST /api/v1/pipelines HTTP/1.1\r\nhost: {}\r\n",
        api.authority
    );
    let mut stream = tokio::net::TcpStream::connect(&api.authority)
        .await
        .unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    assert!(
        reply.is_empty() || reply.starts_with(b"HTTP/1.1 408"),
        "{reply:?}"
    );

    let body = format!("{head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{");
    let reply = api.raw(body.as_bytes()).await;
    assert_eq!(reply.status, 408);
    assert!(reply.json()["error"].is_string());
    engine.close().await.unwrap();
}

#[tokio::test]
async fn of_many_creates_under_one_id_one_wins() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let body = json!({ "name": "twin", "query": BLACKHOLE, "parallelism": 1 });
    let mut creates = JoinSet::new();
    for _ in 0..8 {
        let (api, body) = (api.clone(), body.clone());
        creates.spawn(async move {
            api.send("PUT", "/api/v1/pipelines/pl_twin", Some(&body))
                .await
        });
    }
    let replies = creates.join_all().await;
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 200).count(),
        1,
        "{replies:?}"
    );
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(reply.status, 400);
        assert_eq!(
            reply.json(),
            json!({ "error": "A record already exists with that name or id" })
        );
    }
    assert_eq!(listed(&api, 10).await.len(), 1);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_thousand_pipelines_are_listed() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, api, _) = start(directory.path()).await;
    let body = json!({ "name": "many", "query": BLACKHOLE, "parallelism": 1 });
    for _ in 0..20 {
        let mut creates = JoinSet::new();
        for _ in 0..50 {
            let (api, body) = (api.clone(), body.clone());
            creates.spawn(async move {
                let id = api.create_with(&body).await;
                // Each is stopped at once: only the list matters here.
                api.patch(&id, &json!({ "stop": "immediate" })).await;
            });
        }
        creates.join_all().await;
    }
    assert_eq!(listed(&api, 10_000).await.len(), 1000);
    engine.close().await.unwrap();

    let (engine, api, _) = start(directory.path()).await;
    let before = listed(&api, 10_000).await;
    assert_eq!(before.len(), 1000);
    let ids: std::collections::HashSet<_> = before.iter().map(|pipeline| &pipeline["id"]).collect();
    assert_eq!(ids.len(), 1000);
    engine.close().await.unwrap();
}

async fn listed(api: &Api, limit: u32) -> Vec<Value> {
    let page = api.get(&format!("/api/v1/pipelines?limit={limit}")).await;
    assert_eq!(page["hasMore"], false);
    page["data"].as_array().unwrap().clone()
}

//! What each peer sends, over a socket: the requests that `arroyo run` was seen to make, on one connection.
#![cfg(all(feature = "by-hand", feature = "generated"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail where it stands"
)]

mod support;

use std::time::Duration;

use serde_json::json;
use stepwell_bench_peers::{ByHand, Generated, Peer as _, PeerError, Style};
use support::{Server, query};
use tokio::time::Instant;

const START: &[&str] = &["Created", "Scheduling", "Running"];

const LIST: &str = "GET /api/v1/pipelines?limit=10";
const NEW: [&str; 4] = ["POST /api/v1/pipelines", JOBS, JOBS, JOBS];
const JOBS: &str = "GET /api/v1/pipelines/pl_new/jobs";
const PING: &str = "GET /api/v1/ping";
const VALIDATE: &str = "POST /api/v1/pipelines/validate_query";

/// The same tests for both.
macro_rules! tests_of {
    ($name:ident, $peer:ident) => {
        mod $name {
            use super::*;

            #[tokio::test]
            async fn submits_as_arroyo_run_does() {
                let (server, url) = Server::start(10, START).await;
                let peer = $peer::new(&url).unwrap();
                let id = peer.submit(Style::ArroyoRun, "SELECT 1", Duration::ZERO).await.unwrap();
                assert_eq!(id, "pl_new");
                assert_eq!(server.requests(), [&[PING, VALIDATE, LIST, LIST], &NEW[..]].concat());
                assert_eq!(server.body("POST /api/v1/pipelines/validate_query"), json!({"query": "SELECT 1"}));
                assert_eq!(server.connections(), 1);
            }

            #[tokio::test]
            async fn submits_after_one_reading_of_one_page() {
                let (server, url) = Server::start(10, START).await;
                let peer = $peer::new(&url).unwrap();
                peer.submit(Style::OnePage, "SELECT 1", Duration::ZERO).await.unwrap();
                let list = "GET /api/v1/pipelines?limit=10000";
                assert_eq!(server.requests(), [&[PING, VALIDATE, list], &NEW[..]].concat());
                assert_eq!(server.connections(), 1);
            }

            #[tokio::test]
            async fn creates_under_an_id() {
                let (server, url) = Server::start(0, START).await;
                let peer = $peer::new(&format!("{url}/")).unwrap();
                let id = peer.submit_under(Style::OnePage, "orders", "SELECT 1", Duration::ZERO).await.unwrap();
                assert_eq!(id, "orders");
                let new = json!({"name": "query", "query": "SELECT 1", "parallelism": 1});
                assert_eq!(server.body("PUT /api/v1/pipelines/orders"), new);
            }

            #[tokio::test]
            async fn resumes_what_has_the_query() {
                let (server, url) = Server::start(25, START).await;
                let peer = $peer::new(&url).unwrap();
                let id = peer.submit(Style::ArroyoRun, &query(3), Duration::ZERO).await.unwrap();
                assert_eq!(id, "pl_3");
                let second = "GET /api/v1/pipelines?limit=10&starting_after=pl_9";
                let third = "GET /api/v1/pipelines?limit=10&starting_after=pl_19";
                let jobs = "GET /api/v1/pipelines/pl_3/jobs";
                let patch = "PATCH /api/v1/pipelines/pl_3";
                assert_eq!(
                    server.requests(),
                    [PING, VALIDATE, LIST, second, third, patch, jobs, jobs, jobs]
                );
                assert_eq!(server.body(patch), json!({"stop": "none"}));
                assert_eq!(server.connections(), 1);
            }

            #[tokio::test]
            async fn finds_the_match_on_the_last_page() {
                let (server, url) = Server::start(25, START).await;
                let peer = $peer::new(&url).unwrap();
                let found = peer.find(Style::ArroyoRun, &query(24)).await.unwrap();
                assert_eq!(found.as_deref(), Some("pl_24"));
                assert_eq!(server.requests().len(), 4);
                let found = peer.find(Style::OnePage, &query(24)).await.unwrap();
                assert_eq!(found.as_deref(), Some("pl_24"));
                assert_eq!(server.requests().len(), 6);
                assert_eq!(peer.find(Style::OnePage, &query(25)).await.unwrap(), None);
                assert_eq!(server.connections(), 1);
            }

            #[tokio::test]
            async fn tells_what_went_wrong() {
                let (server, url) = Server::start(0, &["Created", "Failed"]).await;
                let peer = $peer::new(&url).unwrap();
                let invalid = peer.submit(Style::OnePage, "bad", Duration::ZERO).await.unwrap_err();
                assert_eq!(invalid.to_string(), "the query is invalid: no; never");
                assert_eq!(server.requests(), [PING, VALIDATE]);
                let failed = peer.submit(Style::OnePage, "SELECT 1", Duration::ZERO).await.unwrap_err();
                assert!(matches!(failed, PeerError::Failed { id } if id == "pl_new"));
                let refused = peer.submit_under(Style::OnePage, "taken", "SELECT 1", Duration::ZERO).await.unwrap_err();
                assert!(matches!(refused, PeerError::Request { request: "create", .. }));
                assert_eq!(server.requests().last().unwrap(), "PUT /api/v1/pipelines/taken");
            }

            #[tokio::test(start_paused = true)]
            async fn gives_up_after_fifty_pings() {
                let peer = $peer::new("http://127.0.0.1:1").unwrap();
                let start = Instant::now();
                let error = peer.find(Style::OnePage, "SELECT 1").await.unwrap_err();
                assert!(matches!(error, PeerError::NotUp { .. }));
                assert!(start.elapsed() >= Duration::from_millis(490));
            }

            #[tokio::test(start_paused = true)]
            async fn pauses_where_the_way_says() {
                let poll = Duration::from_millis(100);
                let (server, url) = Server::start(0, START).await;
                let peer = $peer::new(&url).unwrap();
                peer.submit(Style::OnePage, "SELECT 1", poll).await.unwrap();
                assert_eq!(server.pauses(), [poll, poll, Duration::ZERO]);
                let (server, url) = Server::start(0, START).await;
                let peer = $peer::new(&url).unwrap();
                peer.submit(Style::ArroyoRun, "SELECT 1", poll).await.unwrap();
                assert_eq!(server.pauses(), [Duration::ZERO, poll, poll]);
            }
        }
    };
}

tests_of!(generated, Generated);
tests_of!(by_hand, ByHand);

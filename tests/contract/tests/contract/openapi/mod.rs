//! The server's OpenAPI document compared with what stepwell sends and reads. Where the document and the recordings differ, the recordings
//! are right.

mod fields;
mod lacked;
mod replies;
mod requests;

use std::collections::BTreeSet;

use serde_json::json;

pub use self::lacked::{UNSENT_FIELDS, is_lacked};
use self::{lacked::OPERATIONS, requests::calls};
use crate::{
    Counts,
    document::{DOCUMENT, Found, Operation},
    recording::Release,
    replay::Replay,
    request::AnyRequest,
};

/// The schema with this name.
fn schema(name: &str) -> serde_json::Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

#[test]
fn the_document_is_the_one_that_the_server_gave() {
    let served = Release::V016.response("002_openapi_json");
    assert_eq!(DOCUMENT.whole, served.json());
}

/// What each call of the client sends, with its operation in the document.
async fn sent() -> Vec<(AnyRequest, Operation)> {
    let mut sent = Vec::new();
    for call in calls() {
        let replay = Replay::new(None);
        drop(call.make(&replay.client()).await);
        let request = AnyRequest::sent(&replay.asked());
        let Found::Operation(operation) = DOCUMENT.find(&request) else {
            panic!("the document has no {request:?}");
        };
        sent.push((request, operation));
    }
    sent
}

#[tokio::test]
async fn what_the_client_calls_is_in_the_document_and_what_it_lacks_is_listed() {
    let called: BTreeSet<_> = sent()
        .await
        .into_iter()
        .map(|(_, operation)| operation.id())
        .collect();
    let documented: BTreeSet<_> = DOCUMENT
        .operations()
        .map(|(_, operation)| operation.id())
        .collect();
    let difference: BTreeSet<_> = documented.difference(&called).copied().collect();
    let listed: BTreeSet<_> = OPERATIONS.iter().map(|(id, _)| *id).collect();
    assert_eq!(listed, difference);
    assert_eq!(listed.len(), OPERATIONS.len());
    assert!(OPERATIONS.iter().all(|(_, reason)| !reason.is_empty()));

    let mut counts = Counts::default();
    for id in &documented {
        counts.count(if called.contains(id) {
            "called"
        } else {
            "lacked"
        });
    }
    counts.expect("32 operations", &[("called", 14), ("lacked", 18)]);
}

//! What was recorded is what the document says, or is listed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{is_lacked, schema};
use crate::{
    Counts,
    document::{DOCUMENT, Found, referred},
    recording::exchanges,
    request::AnyRequest,
};

const KEY_IS_ASKED_FOR: &str = "a server with an API key, and a body that is empty";

const BAD_NUMBER: &str = "a number that is none, refused as text before the handler is reached";

/// Replies of which the document says nothing, though they were recorded. The recordings are right. Every other one is as documented.
const DIFFERING: [(&str, u16, &str); 8] = [
    ("ping", 200, "the JSON string Pong"),
    ("ping", 401, KEY_IS_ASKED_FOR),
    ("delete_pipeline", 200, "empty"),
    ("get_pipelines", 400, BAD_NUMBER),
    ("get_pipelines", 401, KEY_IS_ASKED_FOR),
    ("create_pipeline", 401, KEY_IS_ASKED_FOR),
    ("get_checkpoint_details", 400, BAD_NUMBER),
    ("get_job_output", 200, "an event stream"),
];

#[test]
fn what_was_recorded_is_as_documented() {
    let mut counts = Counts::default();
    let mut differing = BTreeSet::new();
    for exchange in exchanges() {
        let request = AnyRequest::recorded(&exchange.request);
        let (Found::Operation(operation), Some(response)) =
            (DOCUMENT.find(&request), exchange.response)
        else {
            continue;
        };
        let schema = match response.status {
            200 => operation.reply(200).cloned(),
            _ if response.content_type() == "application/json" => Some(schema("ErrorResp")),
            _ => None,
        };
        let Some(schema) = schema else {
            differing.insert((operation.id(), response.status));
            counts.count("without a schema");
            continue;
        };
        let body: Value = response.json();
        // Field by field where stepwell reads it.
        let complaints = if is_lacked(operation.id()) {
            DOCUMENT.complaints(&schema, &body)
        } else {
            DOCUMENT.strict_complaints(&schema, &body)
        };
        assert!(complaints.is_empty(), "{}: {complaints:?}", exchange.name);
        let name = referred(&schema).unwrap();
        counts.count(if is_lacked(operation.id()) {
            "of operations that stepwell lacks"
        } else {
            name
        });
    }
    let listed: BTreeSet<_> = DIFFERING.map(|(id, status, _)| (id, status)).into();
    assert_eq!(differing, listed);
    assert!(DIFFERING.iter().all(|(.., reason)| !reason.is_empty()));
    let expected = [
        ("CheckpointCollection", 4),
        ("ErrorResp", 59),
        ("JobCollection", 42),
        ("JobLogMessageCollection", 22),
        ("Pipeline", 119),
        ("PipelineCollection", 29),
        ("QueryValidationResult", 28),
        ("of operations that stepwell lacks", 16),
        ("without a schema", 22),
    ];
    counts.expect("recorded replies beside the document", &expected);
}

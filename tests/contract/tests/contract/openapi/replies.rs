//! Recorded replies conform to the document, or are listed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{is_lacked, schema};
use crate::{
    CountsByRelease,
    document::{Found, referred},
    recording::{Exchange, Release},
    request::AnyRequest,
};

const KEY_IS_ASKED_FOR: &str = "a server with an API key, which sends an empty body";

const BAD_NUMBER: &str = "an invalid number, refused as plain text before the handler is reached";

/// Recorded replies that the document does not describe. The recordings are right. All other replies conform to the document.
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
    let mut counts = CountsByRelease::default();
    let mut differing = BTreeSet::new();
    for release in Release::ALL {
        for exchange in release.exchanges() {
            match beside_the_document(release, &exchange) {
                Beside::Nothing => {}
                Beside::Differs(id, status) => {
                    differing.insert((id, status));
                    counts.count(release, "without a schema");
                }
                Beside::Valid(schema) => counts.count(release, schema),
            }
        }
    }
    let listed: BTreeSet<_> = DIFFERING.map(|(id, status, _)| (id, status)).into();
    assert_eq!(differing, listed);
    assert!(DIFFERING.iter().all(|(.., reason)| !reason.is_empty()));
    let expected = [
        ("CheckpointCollection", [15, 4]),
        ("ErrorResp", [14, 59]),
        ("JobCollection", [3, 42]),
        ("JobLogMessageCollection", [4, 22]),
        ("Pipeline", [67, 119]),
        ("PipelineCollection", [5, 29]),
        ("QueryValidationResult", [5, 28]),
        ("of operations that stepwell lacks", [0, 16]),
        ("without a schema", [8, 22]),
    ];
    counts.expect("recorded replies compared with the documents", &expected);
}

/// What the document of a server says about a reply.
enum Beside {
    /// The operation is not in the document, or there was no reply.
    Nothing,
    /// The document does not describe this status of this operation.
    Differs(&'static str, u16),
    /// The reply conforms to this schema.
    Valid(&'static str),
}

fn beside_the_document(release: Release, exchange: &Exchange) -> Beside {
    let document = release.document();
    let request = AnyRequest::recorded(&exchange.request);
    let (Found::Operation(operation), Some(response)) =
        (document.find(&request), &exchange.response)
    else {
        return Beside::Nothing;
    };
    let schema = match response.status {
        200 => operation.reply(200).cloned(),
        _ if response.content_type() == "application/json" => Some(schema("ErrorResp")),
        _ => None,
    };
    let Some(schema) = schema else {
        return Beside::Differs(operation.id(), response.status);
    };
    let body: Value = response.json();
    // Checks every field of the replies that stepwell reads.
    let complaints = if is_lacked(operation.id()) {
        document.complaints(&schema, &body)
    } else {
        document.strict_complaints(&schema, &body)
    };
    assert!(complaints.is_empty(), "{}: {complaints:?}", exchange.name);
    let name = referred(&schema).unwrap();
    let schemas = document.schemas();
    let (name, _) = schemas.get_key_value(name).unwrap();
    Beside::Valid(if is_lacked(operation.id()) {
        "of operations that stepwell lacks"
    } else {
        name
    })
}

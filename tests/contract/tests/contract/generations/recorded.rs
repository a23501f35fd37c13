//! The values derived for 0.15 compared with recordings of a real 0.15.0.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{kind, older::RECORDED};
use crate::{
    Counts,
    call::Call,
    document::Found,
    recording::{Exchange, Release},
    request::AnyRequest,
};

/// The fields of a log entry. No recorded reply of 0.15.0 has them, because none of its jobs logged an error; the document does.
const NOT_RECORDED: [&str; 7] = [
    "data.created_at",
    "data.details",
    "data.id",
    "data.level",
    "data.message",
    "data.operator_id",
    "data.task_index",
];

/// The 200 replies of the client's operations, with their kind.
fn values(release: Release) -> impl Iterator<Item = (&'static str, Exchange, Value)> {
    release.exchanges().into_iter().filter_map(|exchange| {
        let call = Call::like(&AnyRequest::recorded(&exchange.request))?;
        let is_other = matches!(call, Call::Ping | Call::Delete(_) | Call::Output(..));
        let response = exchange.response.as_ref()?;
        let value = (response.status == 200 && !is_other).then(|| response.json())?;
        Some((kind(&call), exchange, value))
    })
}

#[test]
fn what_is_derived_has_the_fields_that_were_recorded_and_no_others() {
    let mut recorded: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (kind, _, value) in values(Release::V015) {
        collect_fields("", &value, recorded.entry(kind).or_default());
    }
    let mut derived: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (kind, _, value) in values(Release::V016) {
        let written = RECORDED.writes(&value);
        collect_fields("", &written, derived.entry(kind).or_default());
    }
    let mut missing = BTreeSet::new();
    for (kind, derived) in &derived {
        let unknown: Vec<_> = recorded[kind].difference(derived).collect();
        assert!(unknown.is_empty(), "{kind}: {unknown:?} is not derived");
        let more = derived.difference(&recorded[kind]);
        missing.extend(more.map(|field| (*kind, field.clone())));
    }
    let listed = NOT_RECORDED.map(|field| ("job errors", field.to_owned()));
    assert_eq!(missing, listed.into());
}

/// The paths of all fields in a value, without array indices: the elements of an array are merged.
fn collect_fields(place: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = if place.is_empty() {
                    name.clone()
                } else {
                    format!("{place}.{name}")
                };
                collect_fields(&place, value, found);
                found.insert(place);
            }
        }
        Value::Array(values) => {
            for value in values {
                collect_fields(place, value, found);
            }
        }
        _ => {}
    }
}

/// The document also covers the types, and the fields that were not recorded.
#[test]
fn what_is_derived_is_valid_by_the_servers_own_document() {
    let document = Release::V015.document();
    let mut counts = Counts::default();
    for (kind, exchange, value) in values(Release::V016) {
        let mut request = AnyRequest::recorded(&exchange.request);
        if request.method == "PUT" {
            // The document lacks `PUT`; its reply is that of a `GET`.
            "GET".clone_into(&mut request.method);
        }
        let Found::Operation(operation) = document.find(&request) else {
            panic!("{request:?}");
        };
        let schema = operation.reply(200).unwrap();
        let written = RECORDED.writes(&value);
        let complaints = document.strict_complaints(schema, &written);
        assert!(complaints.is_empty(), "{}: {complaints:?}", exchange.name);
        counts.count(kind);
    }
    let expected = [
        ("checkpoints", 4),
        ("job errors", 22),
        ("jobs", 42),
        ("lists of pipelines", 29),
        ("pipelines", 119),
        ("validations", 28),
    ];
    counts.expect(
        "derived values compared with the document of 0.15.0",
        &expected,
    );
}

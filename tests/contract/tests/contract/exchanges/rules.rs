//! All differences between stepwell's own requests and the recorded ones.
//!
//! The rules use the document of the newest server: it describes everything that stepwell sends, and stepwell sends older servers the same.

use serde_json::{Value, json};

use crate::{
    document::{DOCUMENT, Found, Operation, referred},
    openapi::UNSENT_FIELDS,
    request::AnyRequest,
};

/// A difference: a description, and the change that turns a recorded request into stepwell's.
type Rule = (&'static str, fn(&mut AnyRequest, Operation));

const RULES: [Rule; 8] = [
    (
        "without parameters that the server does not know",
        only_known_parameters,
    ),
    (
        "with an explicit list limit instead of the default",
        the_limit_is_said,
    ),
    ("with all errors of a job on one page", errors_are_one_page),
    (
        "without the charset of the content type",
        content_type_alone,
    ),
    ("without fields that no server knows", only_known_fields),
    (
        "without fields that stepwell does not model",
        only_fields_with_a_word,
    ),
    (
        "without fields that are null or empty",
        nothing_that_is_empty,
    ),
    (
        "with the checkpoint interval in the old spelling too",
        both_spellings,
    ),
];

/// What stepwell sends for a recorded request, and the rules that were applied.
pub fn apply(recorded: &AnyRequest) -> (AnyRequest, Vec<&'static str>) {
    let Found::Operation(operation) = DOCUMENT.find(recorded) else {
        panic!("{recorded:?}");
    };
    let mut request = recorded.clone();
    let mut used = Vec::new();
    for (name, rule) in RULES {
        let before = request.clone();
        rule(&mut request, operation);
        if request != before {
            used.push(name);
        }
    }
    (request, used)
}

/// The names of all rules.
pub fn names() -> impl Iterator<Item = &'static str> {
    RULES.into_iter().map(|(name, _)| name)
}

fn only_known_parameters(request: &mut AnyRequest, operation: Operation) {
    let known = operation.parameters();
    request
        .query
        .retain(|(name, _)| known.contains(&name.as_str()));
}

fn the_limit_is_said(request: &mut AnyRequest, operation: Operation) {
    if operation.id() == "get_pipelines" && request.parameter("limit").is_none() {
        let limit = ("limit".to_owned(), "10".to_owned());
        request.query.insert(0, limit);
    }
}

fn errors_are_one_page(request: &mut AnyRequest, operation: Operation) {
    if operation.id() == "get_job_errors" {
        request.query = vec![("limit".to_owned(), "1000".to_owned())];
    }
}

fn content_type_alone(request: &mut AnyRequest, _: Operation) {
    if let Some(content_type) = &mut request.content_type {
        let end = content_type.find(';').unwrap_or(content_type.len());
        content_type.truncate(end);
    }
}

fn only_known_fields(request: &mut AnyRequest, operation: Operation) {
    let schema = operation.request().and_then(referred);
    if let Some((schema, fields)) = schema.zip(fields(request)) {
        let known = DOCUMENT.schemas()[schema]["properties"]
            .as_object()
            .unwrap();
        fields.retain(|name, _| known.contains_key(name));
    }
}

fn only_fields_with_a_word(request: &mut AnyRequest, operation: Operation) {
    let schema = operation.request().and_then(referred);
    if let Some((schema, fields)) = schema.zip(fields(request)) {
        let unsent = |field: &str| {
            UNSENT_FIELDS
                .iter()
                .any(|(of, name, _)| (*of, *name) == (schema, field))
        };
        fields.retain(|name, _| !unsent(name));
    }
}

fn nothing_that_is_empty(request: &mut AnyRequest, _: Operation) {
    if let Some(fields) = fields(request) {
        fields.retain(|_, value| !value.is_null() && *value != json!([]));
    }
}

fn both_spellings(request: &mut AnyRequest, _: Operation) {
    if let Some(fields) = fields(request)
        && let Some(micros) = fields.get("checkpoint_interval_micros").cloned()
    {
        fields.insert("checkpointIntervalMicros".to_owned(), micros);
    }
}

fn fields(request: &mut AnyRequest) -> Option<&mut serde_json::Map<String, Value>> {
    request.body.as_mut()?.as_object_mut()
}

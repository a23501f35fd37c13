//! Compares the form of an answer with the recorded one: its fields, and every value that depends neither on the query nor on the clock.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::Value;

use crate::recording::Exchange;

/// What the planner said about the query of a recorded request; the model has no planner.
pub fn planner_words(recorded: &Exchange) -> Option<String> {
    let said = match (recorded.path.rsplit('/').next()?, recorded.status) {
        ("validate_query", 200) => &recorded.answer["errors"][0],
        ("pipelines", 400) if recorded.body.contains("nothing") => &recorded.answer["error"],
        _ => return None,
    };
    said.as_str().map(str::to_owned)
}

pub fn same_form(name: &str, recorded: &Exchange, reply: &Response<Bytes>) {
    for header in [header::CONTENT_TYPE, header::ALLOW] {
        let ours = reply
            .headers()
            .get(&header)
            .map(|value| value.to_str().unwrap());
        let theirs = recorded.headers.get(header.as_str()).map(String::as_str);
        assert_eq!(ours, theirs, "{name}: {header}");
    }
    let text = String::from_utf8(reply.body().to_vec()).unwrap();
    if reply.status() != StatusCode::OK {
        assert_eq!(text, recorded.text, "{name}");
        return;
    }
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    assert_eq!(form(&answer), form(&recorded.answer), "{name}");
    assert_eq!(answer["errors"], recorded.answer["errors"], "{name}");
    assert_eq!(names(&answer), names(&recorded.answer), "{name}");
}

/// The fields of a body, of its list items, and of their members.
fn form(body: &Value) -> BTreeMap<String, &'static str> {
    let mut fields = BTreeMap::new();
    add(body, "", &mut fields);
    fields
}

fn add(value: &Value, path: &str, fields: &mut BTreeMap<String, &'static str>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                add(value, &format!("{path}.{key}"), fields);
            }
        }
        Value::Array(list) => {
            for value in list {
                add(value, &format!("{path}[]"), fields);
            }
        }
        _ => {}
    }
    fields.insert(path.to_owned(), kind(value));
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a flag",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The names in a list, in order, and whether there are more.
fn names(body: &Value) -> (Vec<&Value>, &Value) {
    let rows = body["data"].as_array().map_or(&[][..], Vec::as_slice);
    (
        rows.iter().map(|row| &row["name"]).collect(),
        &body["hasMore"],
    )
}

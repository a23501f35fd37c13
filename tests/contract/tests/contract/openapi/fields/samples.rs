//! Sample values of a schema: one with every field, and variations with one change for each choice that the schema leaves open.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::document::{Document, referred};

/// The samples; the first one has every field.
pub fn samples(document: &Document, schema: &Value) -> Vec<Value> {
    let mut samples = vec![whole(document, schema)];
    samples.extend(variations(document, schema));
    samples
}

/// The names of the enums in the schema.
pub fn enums(document: &Document, schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(name) = referred(schema)
        && resolved(document, schema).get("enum").is_some()
    {
        found.insert(name.to_owned());
    }
    let schema = resolved(document, schema);
    for (_, schema) in properties(schema) {
        found.extend(enums(document, schema));
    }
    if let Some(items) = schema.get("items") {
        found.extend(enums(document, items));
    }
    found
}

/// A value with every field.
fn whole(document: &Document, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(values) = schema["enum"].as_array() {
        return values[0].clone();
    }
    match schema["type"].as_str() {
        Some("string") => json!("text"),
        Some("integer") => json!(7),
        Some("boolean") => json!(true),
        Some("array") => json!([whole(document, &schema["items"])]),
        Some("object") if schema.get("additionalProperties").is_some() => {
            json!({"key": whole(document, &schema["additionalProperties"])})
        }
        Some("object") => properties(schema)
            .map(|(name, schema)| (name.clone(), whole(document, schema)))
            .collect(),
        // Any value is valid here; both fields of this kind contain an object.
        None => json!({"key": "text"}),
        other => panic!("{other:?}"),
    }
}

/// Values with one change.
fn variations(document: &Document, schema: &Value) -> Vec<Value> {
    let is_nullable = schema["nullable"] == true;
    let schema = resolved(document, schema);
    let mut variations = Vec::new();
    if is_nullable || schema["nullable"] == true {
        variations.push(Value::Null);
    }
    if let Some(values) = schema["enum"].as_array() {
        variations.extend(values.iter().skip(1).cloned());
        return variations;
    }
    match schema["type"].as_str() {
        Some("string") => variations.extend([json!(""), json!("ü\n")]),
        Some("integer") => {
            // A 32-bit integer must stay in its range.
            let is_short = schema["format"] == "int32";
            let most = if is_short {
                i64::from(i32::MAX)
            } else {
                i64::MAX
            };
            variations.extend([json!(0), json!(most)]);
        }
        Some("boolean") => variations.push(json!(false)),
        Some("array") => {
            let items = &schema["items"];
            variations.push(json!([]));
            variations.push(json!([whole(document, items), whole(document, items)]));
            variations.extend(
                self::variations(document, items)
                    .into_iter()
                    .map(|item| json!([item])),
            );
        }
        Some("object") if schema.get("additionalProperties").is_some() => {
            variations.push(json!({}));
        }
        Some("object") => variations.extend(with_one_field_changed(document, schema)),
        _ => variations.push(json!({})),
    }
    variations
}

fn with_one_field_changed(document: &Document, schema: &Value) -> Vec<Value> {
    let whole: Map<String, Value> = properties(schema)
        .map(|(name, schema)| (name.clone(), whole(document, schema)))
        .collect();
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|fields| fields.contains(&json!(name)));
    let mut changed = Vec::new();
    for (name, schema) in properties(schema) {
        if !is_required(name) {
            let mut less = whole.clone();
            less.remove(name);
            changed.push(Value::Object(less));
        }
        for variation in variations(document, schema) {
            let mut other = whole.clone();
            other.insert(name.clone(), variation);
            changed.push(Value::Object(other));
        }
    }
    let mut least = whole;
    least.retain(|name, _| is_required(name));
    changed.push(Value::Object(least));
    changed
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// The schema that is referred to, either directly or as the only element of `allOf`, which is how nullable references are written.
fn resolved<'a>(document: &'a Document, schema: &'a Value) -> &'a Value {
    let schema = match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([one]) => one,
        Some(other) => panic!("{other:?}"),
        None => schema,
    };
    referred(schema).map_or(schema, |name| &document.schemas()[name])
}

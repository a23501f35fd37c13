//! What older releases write, derived from the recordings of the newest server.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::recording::GENERATIONS;

pub struct Generation {
    /// For example `v0.12.1`.
    pub name: String,
    pub bodies: Value,
    is_in_camel_case: bool,
    has_texts_as_node_ids: bool,
}

/// The generation of the older server that was recorded.
pub static RECORDED: LazyLock<Generation> = LazyLock::new(|| {
    let mut generations = generations();
    generations.pop().unwrap()
});

pub fn generations() -> Vec<Generation> {
    let generations: Map<String, Value> = serde_json::from_str(GENERATIONS).unwrap();
    let generations: Vec<_> = generations
        .into_iter()
        .filter(|(name, _)| name.starts_with('v'))
        .map(|(name, bodies)| Generation {
            is_in_camel_case: name != "v0.15.0",
            has_texts_as_node_ids: name == "v0.12.1",
            name,
            bodies,
        })
        .collect();
    let names: Vec<_> = generations
        .iter()
        .map(|generation| generation.name.as_str())
        .collect();
    assert_eq!(names, ["v0.12.1", "v0.14.1", "v0.15.0"]);
    generations
}

impl Generation {
    /// Converts a current reply to the form of this generation.
    pub fn writes(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                .filter_map(|(name, value)| self.field(name, value))
                .collect(),
            Value::Array(values) => values.iter().map(|value| self.writes(value)).collect(),
            other => other.clone(),
        }
    }

    fn field(&self, name: &str, value: &Value) -> Option<(String, Value)> {
        let (name, value) = match name {
            "state_url" | "tags" | "pipeline_id" | "scheduler_config" | "env_vars"
            | "error_domain" | "checkpoint_type" => return None,
            // Both are plain texts.
            "failure_reason" => ("failure_message", value["error"].clone()),
            "errors" => (
                name,
                value
                    .as_array()?
                    .iter()
                    .map(|error| error["message"].clone())
                    .collect(),
            ),
            "node_id" | "src_id" | "dest_id" if self.has_texts_as_node_ids => {
                (name, json!(value.to_string()))
            }
            _ => (name, self.writes(value)),
        };
        let name = if self.is_in_camel_case {
            camel_case(name)
        } else {
            name.to_owned()
        };
        Some((name, value))
    }
}

/// The spelling up to 0.14. The page flag is `hasMore` in every generation.
pub fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}

/// Removes what an older generation does not write from a current value, as the client reads it.
pub fn without_news(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "span" | "checkpoint_type"))
            .map(|(name, value)| {
                let value = match name.as_str() {
                    "state_url" | "pipeline_id" | "error_domain" | "domain" => Value::Null,
                    "tags" | "scheduler_config" | "env_vars" => json!({}),
                    _ => without_news(value),
                };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(values) => values.iter().map(without_news).collect(),
        other => other.clone(),
    }
}

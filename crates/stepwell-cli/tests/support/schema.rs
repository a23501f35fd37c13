//! Every test that uses `--output json` checks it against its schema.

use std::{collections::HashMap, sync::OnceLock};

use jsonschema::Validator;
use serde_json::Value;

use super::Left;

/// The schema of each event. It allows additional fields for the future; these tests do not.
fn events() -> &'static HashMap<String, Validator> {
    static EVENTS: OnceLock<HashMap<String, Validator>> = OnceLock::new();
    EVENTS.get_or_init(|| {
        let schema = include_str!("../../../../docs/cli-output.schema.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        let events = schema["oneOf"].as_array().unwrap().iter();
        let strict = events.map(|event| {
            let mut event = event.clone();
            event["additionalProperties"] = false.into();
            let name = event["title"].as_str().unwrap().to_owned();
            (name, jsonschema::validator_for(&event).unwrap())
        });
        strict.collect()
    })
}

/// Every line is an event of the schema. The last line of a failed command is its error with the exit code.
pub fn check(left: &Left) {
    let mut last = Value::Null;
    for line in left.stderr.lines() {
        let event: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{error}: no JSON: {line}\n{}", left.stderr));
        let name = event["event"].as_str().unwrap_or_default();
        let Some(schema) = events().get(name) else {
            panic!("the schema has no event {name:?}: {line}");
        };
        if let Err(error) = schema.validate(&event) {
            panic!("{error}: {line}");
        }
        last = event;
    }
    // A usage error is printed before the options take effect.
    if let Some(code @ 1..) = left.code
        && code != 2
    {
        assert_eq!(last["event"], "error", "{}", left.stderr);
        assert_eq!(last["exit_code"], code, "{}", left.stderr);
    }
}

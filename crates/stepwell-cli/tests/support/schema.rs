//! `--output json` is held to its schema wherever a test asks for it.

use std::{collections::HashMap, sync::OnceLock};

use jsonschema::Validator;
use serde_json::Value;

use super::Left;

/// The schema of each event. It allows more fields, because they may be added; here there are no others.
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

/// Every line is an event of the schema; what ended other than well says so in its last one, with its exit code.
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
    // A usage error is of the command line, and comes before its options count.
    if let Some(code @ 1..) = left.code
        && code != 2
    {
        assert_eq!(last["event"], "error", "{}", left.stderr);
        assert_eq!(last["exit_code"], code, "{}", left.stderr);
    }
}

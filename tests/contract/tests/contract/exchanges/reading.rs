//! All differences between what was recorded and what the client returns. For the newest server there are none.

use serde_json::{Map, Value, json};

use crate::call::Call;

/// The items that a reply contains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pipeline,
    Job,
    JobError,
    Checkpoint,
    Validation,
}

/// A difference: the kind of item, a description, and the change that turns the server's value into the client's.
type Rule = (Kind, &'static str, fn(&mut Map<String, Value>));

const RULES: [Rule; 7] = [
    (
        Kind::Validation,
        "query errors as messages without a position",
        |validation| {
            let errors = validation["errors"].as_array_mut().unwrap();
            for error in errors.iter_mut().filter(|error| error.is_string()) {
                *error = json!({"message": error});
            }
        },
    ),
    (
        Kind::Pipeline,
        "no tags, because there are none",
        |pipeline| {
            pipeline.entry("tags").or_insert(json!({}));
        },
    ),
    (
        Kind::Pipeline,
        "no initial state, because there is none",
        |pipeline| {
            pipeline.entry("state_url").or_insert(Value::Null);
        },
    ),
    (
        Kind::Job,
        "the text of a failure as its reason, with an unknown domain",
        |job| {
            if let Some(message) = job.remove("failure_message") {
                let reason = match message {
                    Value::Null => Value::Null,
                    text => json!({"error": text, "domain": null}),
                };
                job.insert("failure_reason".to_owned(), reason);
            }
        },
    ),
    (Kind::Job, "a job that does not name its pipeline", |job| {
        job.entry("pipeline_id").or_insert(Value::Null);
    }),
    (
        Kind::Job,
        "no environment and no scheduler configuration, because there are none",
        |job| {
            job.entry("env_vars").or_insert(json!({}));
            job.entry("scheduler_config").or_insert(json!({}));
        },
    ),
    // None of the recorded jobs logged an error; this rule is checked against the document.
    (Kind::JobError, "an error with an unknown domain", |error| {
        error.entry("error_domain").or_insert(Value::Null);
    }),
];

/// What the client returns for a recorded value, and the rules that were applied.
pub fn apply(call: &Call, recorded: &Value) -> (Value, Vec<&'static str>) {
    let mut value = recorded.clone();
    let mut used = Vec::new();
    let Some(kind) = kind(call) else {
        return (value, used);
    };
    for (of, name, rule) in RULES {
        let before = value.clone();
        if of == kind {
            for fields in each(&mut value) {
                rule(fields);
            }
        }
        if value != before {
            used.push(name);
        }
    }
    (value, used)
}

fn kind(call: &Call) -> Option<Kind> {
    Some(match call {
        Call::Ping | Call::Delete(_) | Call::Output(..) => return None,
        Call::Validate { .. } => Kind::Validation,
        Call::List { .. }
        | Call::Get(_)
        | Call::Create(_)
        | Call::CreateWithId(..)
        | Call::Patch(..)
        | Call::Restart(..) => Kind::Pipeline,
        Call::Jobs(_) | Call::AllJobs => Kind::Job,
        Call::JobErrors(..) => Kind::JobError,
        Call::Checkpoints(..) => Kind::Checkpoint,
    })
}

/// The items of a value: the value itself, or the elements of a list, with or without an envelope.
fn each(value: &mut Value) -> Vec<&mut Map<String, Value>> {
    match value {
        Value::Array(rows) => rows.iter_mut().filter_map(Value::as_object_mut).collect(),
        Value::Object(fields) => {
            if fields.contains_key("hasMore") {
                each(&mut fields["data"])
            } else {
                vec![fields]
            }
        }
        _ => Vec::new(),
    }
}

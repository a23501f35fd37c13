//! In what the client gives back another value than was recorded: every difference there is. Of the newest server there is none.

use serde_json::{Map, Value, json};

use crate::call::Call;

/// What a reply holds one or more of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pipeline,
    Job,
    JobError,
    Checkpoint,
    Validation,
}

/// A difference: what it is in, what it is, and what makes of what a server wrote what the client gives back.
type Rule = (Kind, &'static str, fn(&mut Map<String, Value>));

const RULES: [Rule; 7] = [
    (
        Kind::Validation,
        "the texts about a query as messages without a place",
        |validation| {
            let errors = validation["errors"].as_array_mut().unwrap();
            for error in errors.iter_mut().filter(|error| error.is_string()) {
                *error = json!({"message": error});
            }
        },
    ),
    (Kind::Pipeline, "no tags, for there are none", |pipeline| {
        pipeline.entry("tags").or_insert(json!({}));
    }),
    (
        Kind::Pipeline,
        "no state that it was started from, for there is none",
        |pipeline| {
            pipeline.entry("state_url").or_insert(Value::Null);
        },
    ),
    (
        Kind::Job,
        "the text of a failure as its reason, of no known domain",
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
        "no environment and no scheduler's configuration, for there are none",
        |job| {
            job.entry("env_vars").or_insert(json!({}));
            job.entry("scheduler_config").or_insert(json!({}));
        },
    ),
    // No error was logged by the jobs that were recorded: this is held to the document.
    (Kind::JobError, "an error of no known domain", |error| {
        error.entry("error_domain").or_insert(Value::Null);
    }),
];

/// What the client gives back of a value that was recorded, and by which rules.
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

/// The one, or those of a list, with or without what is around it.
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

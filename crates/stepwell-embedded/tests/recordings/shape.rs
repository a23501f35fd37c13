//! Compares two answers, except for ids, times, sizes and the names of operators, which belong to the server.

use std::collections::BTreeSet;

use serde_json::Value;
use stepwell_arroyo::SqlDiagnostic;

use crate::exchange::Answer;
use crate::names::Names;

/// Fields that are compared only by type.
const OWN: [&str; 9] = [
    "bytes",
    "created_at",
    "description",
    "epoch",
    "finish_time",
    "operator",
    "start_time",
    "time",
    "value",
];

/// Where two answers differ.
#[derive(Debug, Default)]
pub struct Differences {
    /// The path of the field, or the part of the answer.
    pub fields: BTreeSet<String>,
    /// The difference as text.
    pub words: Vec<String>,
    /// Ids that correspond to each other, if nothing else differs.
    pub pairs: Vec<(String, String)>,
}

impl Differences {
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn add(&mut self, field: &str, words: String) {
        self.fields.insert(field.to_owned());
        self.words.push(words);
    }
}

/// Compares two answers to a request with this method.
pub fn compare(
    method: &str,
    recorded: Option<&Answer>,
    ours: Option<&Answer>,
    names: &Names,
) -> Differences {
    let mut differences = Differences::default();
    let (recorded, ours) = match (recorded, ours) {
        (None, None) => return differences,
        (Some(recorded), Some(ours)) => (recorded, ours),
        (recorded, ours) => {
            differences.add("answer", format!("{recorded:?} and {ours:?}"));
            return differences;
        }
    };
    if recorded.status != ours.status {
        let words = format!("{} and {} {}", recorded.status, ours.status, ours.body);
        differences.add("status", words);
    }
    for header in ["content-type", "allow"] {
        let (recorded, ours) = (recorded.header(header), ours.header(header));
        if recorded != ours {
            differences.add(header, format!("{header}: {recorded:?} and {ours:?}"));
        }
    }
    if method == "HEAD" {
        // The recorded one has the head instead.
        if !ours.body.is_empty() {
            differences.add("body", format!("a body: {}", ours.body));
        }
        return differences;
    }
    let recorded = names.ours(&recorded.body);
    match (
        serde_json::from_str::<Value>(&recorded),
        serde_json::from_str::<Value>(&ours.body),
    ) {
        (Ok(recorded), Ok(ours)) => values("", &recorded, &ours, names, &mut differences),
        _ if recorded == ours.body => {}
        _ => differences.add("body", format!("{recorded:?} and {:?}", ours.body)),
    }
    differences
}

fn values(
    field: &str,
    recorded: &Value,
    ours: &Value,
    names: &Names,
    differences: &mut Differences,
) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (key, recorded) in recorded {
                match ours.get(key) {
                    Some(ours) => values(key, recorded, ours, names, differences),
                    None => differences.add(key, format!("no {key:?}")),
                }
            }
            // The engine knows the position of more errors than Arroyo does.
            let is_place = |key: &str| key == "span" && recorded.contains_key("message");
            let more = |key: &&String| !recorded.contains_key(*key) && !is_place(key);
            for key in ours.keys().filter(more) {
                differences.add(key, format!("{key:?} as well"));
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            elements(field, recorded, ours, names, differences);
        }
        (Value::String(recorded), Value::String(ours)) => {
            strings(field, recorded, ours, names, differences);
        }
        (Value::Number(recorded), Value::Number(ours)) => {
            let same_type = recorded.is_f64() == ours.is_f64();
            if !same_type || !is_own(field) && recorded != ours {
                differences.add(field, format!("{field}: {recorded} and {ours}"));
            }
        }
        _ if recorded == ours => {}
        _ => differences.add(field, format!("{field}: {recorded} and {ours}")),
    }
}

/// A message of Arroyo without the prefixes of its libraries, and with the names of types in SQL.
pub fn in_our_words(recorded: &str) -> String {
    let words = SqlDiagnostic::from_server(recorded).message;
    words.replace(" Int64 ", " BIGINT ")
}

fn is_own(field: &str) -> bool {
    OWN.contains(&field)
}

fn strings(field: &str, recorded: &str, ours: &str, names: &Names, differences: &mut Differences) {
    if recorded == ours || is_own(field) {
        return;
    }
    if in_our_words(recorded) == ours {
        return;
    }
    let prefix = |text: &str| text.split('_').next().map(str::to_owned);
    let is_pair = Names::is_id(recorded) && prefix(recorded) == prefix(ours);
    if is_pair && names.may_pair(recorded, ours) {
        differences
            .pairs
            .push((recorded.to_owned(), ours.to_owned()));
    } else {
        differences.add(field, format!("{field}: {recorded:?} and {ours:?}"));
    }
}

/// Compares elements in order. Their number must be equal, except for elements that are added over time or have no order.
fn elements(
    field: &str,
    recorded: &[Value],
    ours: &[Value],
    names: &Names,
    differences: &mut Differences,
) {
    let have = |key: &str| {
        recorded
            .first()
            .is_some_and(|first| first.get(key).is_some())
    };
    // Checkpoints are added over time.
    let may_be_more = have("epoch") && !ours.is_empty();
    if recorded.len() != ours.len() && !may_be_more {
        let words = format!("{field}: {} elements and {}", recorded.len(), ours.len());
        differences.add(field, words);
        return;
    }
    let is_unordered = ["epoch", "node_id", "subtasks", "value"]
        .into_iter()
        .any(have);
    if !is_unordered {
        for (recorded, ours) in recorded.iter().zip(ours) {
            values(field, recorded, ours, names, differences);
        }
        return;
    }
    for ours in ours {
        let candidates = recorded.iter().map(|recorded| {
            let mut differences = Differences::default();
            values(field, recorded, ours, names, &mut differences);
            differences
        });
        // It is compared with the most similar one.
        if let Some(least) = candidates.min_by_key(|candidate| candidate.words.len()) {
            differences.fields.extend(least.fields);
            differences.words.extend(least.words);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differing(recorded: &Value, ours: &Value) -> Vec<String> {
        let answer = |body: &Value| Answer {
            status: 200,
            headers: Vec::new(),
            body: body.to_string(),
        };
        let names = Names::new("/files".as_ref());
        let found = compare("GET", Some(&answer(recorded)), Some(&answer(ours)), &names);
        found.fields.into_iter().collect()
    }

    #[test]
    fn what_is_the_servers_own_may_differ() {
        for (recorded, ours) in [
            (json!({"id": "pl_a"}), json!({"id": "pl_b"})),
            (json!({"start_time": 5}), json!({"start_time": 6})),
            (json!({"path": "/srv/a"}), json!({"path": "/files/a"})),
            (
                json!({"data": [{"epoch": 1}]}),
                json!({"data": [{"epoch": 1}, {"epoch": 2}]}),
            ),
        ] {
            assert_eq!(differing(&recorded, &ours), [""; 0], "{recorded} {ours}");
        }
    }

    #[test]
    fn everything_else_may_not() {
        for (field, recorded, ours) in [
            (
                "state",
                json!({"state": "Failed"}),
                json!({"state": "Failing"}),
            ),
            ("span", json!({}), json!({"span": null})),
            ("span", json!({"span": null}), json!({})),
            ("id", json!({"id": "pl_a"}), json!({"id": "job_a"})),
            ("id", json!({"id": "own"}), json!({"id": "pl_a"})),
            (
                "start_time",
                json!({"start_time": 5}),
                json!({"start_time": null}),
            ),
            ("run_id", json!({"run_id": 1}), json!({"run_id": 2})),
            ("data", json!({"data": []}), json!({"data": [1]})),
            ("data", json!({"data": [{"epoch": 1}]}), json!({"data": []})),
            ("value", json!({"value": 1.5}), json!({"value": 1})),
        ] {
            assert_eq!(differing(&recorded, &ours), [field], "{recorded} {ours}");
        }
    }
}

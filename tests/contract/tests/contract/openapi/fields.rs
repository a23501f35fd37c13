//! Each type that stepwell reads has exactly the fields of its schema, and each enum exactly its values.

mod samples;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use serde_json::Value;
use stepwell_arroyo::{
    CheckpointType, ErrorDomain, JobErrorLevel, JobId, PipelineId, StopMode, UdfLanguage,
};

use self::samples::samples;
use super::{lacked::UNREAD_FIELDS, schema};
use crate::{
    CountsByRelease,
    call::Call,
    document::DOCUMENT,
    exchanges::reading,
    recording::{RecordedResponse, Release},
    replay::Replay,
};

/// The schemas of the replies, each with a call that reads it.
fn read() -> [(&'static str, Call); 6] {
    let id = || PipelineId::from_server("text");
    let job = || JobId::from_server("job_1");
    let validate = Call::Validate {
        query: String::new(),
        udfs: Vec::new(),
    };
    let list = Call::List {
        limit: 1.try_into().unwrap(),
        after: None,
    };
    [
        ("QueryValidationResult", validate),
        ("Pipeline", Call::Get(id())),
        ("PipelineCollection", list),
        ("JobCollection", Call::Jobs(id())),
        ("JobLogMessageCollection", Call::JobErrors(id(), job())),
        ("CheckpointCollection", Call::Checkpoints(id(), job())),
    ]
}

/// The call with the id of the pipeline that the sample describes.
fn about(call: Call, sample: &Value) -> Call {
    let id = |id: &Value| PipelineId::from_server(id.as_str().unwrap_or("text"));
    match call {
        Call::Get(_) => Call::Get(id(&sample["id"])),
        Call::Jobs(_) => Call::Jobs(id(&sample["data"][0]["pipeline_id"])),
        other => other,
    }
}

/// Every variation of a valid value is read with all its fields. What was read from the newest server is also written again as a valid
/// value.
#[tokio::test]
async fn whatever_is_valid_is_read_and_written_again() {
    let mut counts = CountsByRelease::default();
    let mut lost = BTreeSet::new();
    for release in Release::ALL {
        let document = release.document();
        for (name, _) in read() {
            let schema = schema(name);
            for sample in samples(document, &schema) {
                let (_, call) = read().into_iter().find(|(of, _)| *of == name).unwrap();
                let call = about(call, &sample);
                let complaints = document.strict_complaints(&schema, &sample);
                assert!(complaints.is_empty(), "{name}: {sample}: {complaints:?}");
                let response = RecordedResponse::of_json(&sample);
                let replay = Replay::new(Some(response.clone()));
                let read = call.make(&replay.client()).await;
                let read = read.unwrap_or_else(|error| panic!("{name}: {sample}: {error:?}"));
                let there = call.expected(&response);
                let (expected, _) = reading::apply(&call, &there);
                check_kept(name, &expected, &read, &mut lost);
                if release == Release::V016 {
                    // For a list, the client returns only the rows.
                    let whole = if there == sample {
                        read
                    } else {
                        let mut whole = sample.clone();
                        whole["data"] = read;
                        whole
                    };
                    let complaints = document.strict_complaints(&schema, &whole);
                    assert!(complaints.is_empty(), "{name}: {whole}: {complaints:?}");
                }
                counts.count(release, name);
            }
        }
    }
    let expected = [
        ("CheckpointCollection", [26, 27]),
        ("JobCollection", [30, 37]),
        ("JobLogMessageCollection", [24, 28]),
        ("Pipeline", [58, 63]),
        ("PipelineCollection", [62, 67]),
        ("QueryValidationResult", [33, 47]),
    ];
    counts.expect("samples of what can be read", &expected);
    let unread: BTreeSet<_> = UNREAD_FIELDS.map(|(place, _)| place.to_owned()).into();
    assert_eq!(lost, unread);
}

/// Checks that no value has changed, and collects the fields that are lost. A field that was absent or null may become either.
#[track_caller]
fn check_kept(place: &str, there: &Value, read: &Value, lost: &mut BTreeSet<String>) {
    match (there, read) {
        (Value::Object(there), Value::Object(read)) => {
            for (field, value) in there {
                let place = format!("{place}.{field}");
                match read.get(field) {
                    Some(read) => check_kept(&place, value, read, lost),
                    None if value.is_null() => {}
                    None => drop(lost.insert(place)),
                }
            }
        }
        (Value::Array(there), Value::Array(read)) => {
            assert_eq!(there.len(), read.len(), "{place}");
            for (there, read) in there.iter().zip(read) {
                check_kept(place, there, read, lost);
            }
        }
        _ => assert_eq!(there, read, "{place}"),
    }
}

/// The name of an enum, its values here, and a function that reads one.
type Enum = (&'static str, Vec<String>, fn(&str) -> String);

#[test]
fn each_enum_has_each_value_and_no_other() {
    let enums: [Enum; 5] = [
        (
            "StopType",
            texts(&[
                StopMode::None,
                StopMode::Checkpoint,
                StopMode::Graceful,
                StopMode::Immediate,
                StopMode::Force,
            ]),
            |value| debug(StopMode::from(value)),
        ),
        (
            "UdfLanguage",
            texts(&[UdfLanguage::Python, UdfLanguage::Rust]),
            |value| debug(UdfLanguage::from(value)),
        ),
        (
            "CheckpointType",
            texts(&[CheckpointType::Scheduled, CheckpointType::Stopping]),
            |value| debug(CheckpointType::from(value)),
        ),
        (
            "ErrorDomain",
            texts(&[
                ErrorDomain::User,
                ErrorDomain::External,
                ErrorDomain::Internal,
            ]),
            |value| debug(ErrorDomain::from(value)),
        ),
        (
            "JobLogLevel",
            texts(&[
                JobErrorLevel::Info,
                JobErrorLevel::Warn,
                JobErrorLevel::Error,
            ]),
            |value| debug(JobErrorLevel::from(value)),
        ),
    ];
    let mut values = 0;
    let mut known = BTreeMap::new();
    for (name, ours, read) in enums {
        let documented = DOCUMENT.schemas()[name]["enum"].as_array().unwrap();
        let documented: Vec<_> = documented
            .iter()
            .map(|value| value.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ours, documented, "{name}");
        for value in &documented {
            assert!(!read(value).starts_with("Other"), "{name}: {value}");
            values += 1;
        }
        known.insert(name, documented.len());
    }
    println!("{values} values of {} enums", known.len());
    // The replies contain no other enum.
    let met: BTreeSet<_> = read()
        .iter()
        .flat_map(|(name, _)| samples::enums(&DOCUMENT, &schema(name)))
        .collect();
    assert_eq!(met, known.keys().map(|name| (*name).to_owned()).collect());
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn debug(value: impl Debug) -> String {
    format!("{value:?}")
}

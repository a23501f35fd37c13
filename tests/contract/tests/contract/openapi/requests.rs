//! What stepwell sends is valid according to the document.

use std::collections::BTreeSet;

use stepwell_arroyo::{
    CreatePipeline, JobId, PatchPipeline, PipelineId, RestartPipeline, StopMode, Udf,
};

use super::{
    lacked::{EXTRA_FIELDS, NEW_FIELDS, PARAMETERS, UNSENT_FIELDS},
    sent,
};
use crate::{
    Counts,
    call::Call,
    document::{DOCUMENT, Found, referred},
    recording::Release,
};

/// Every call of the client, with representative values for each field alone and for all fields together.
pub fn calls() -> Vec<Call> {
    let id = || PipelineId::from_server("pl_1");
    let job = || JobId::from_server("job_1");
    let mut calls = vec![
        Call::Ping,
        Call::List {
            limit: 1.try_into().unwrap(),
            after: None,
        },
        Call::List {
            limit: u32::MAX.try_into().unwrap(),
            after: Some(id()),
        },
        Call::Get(id()),
        Call::Delete(id()),
        Call::Jobs(id()),
        Call::AllJobs,
        Call::JobErrors(id(), job()),
        Call::Checkpoints(id(), job()),
        Call::Output(id(), job()),
    ];
    for udfs in [vec![], vec![Udf::rust("fn")], vec![Udf::python("def")]] {
        let query = "SELECT 'ü'".to_owned();
        calls.push(Call::Validate { query, udfs });
    }
    calls.extend(creates().into_iter().map(Call::Create));
    let with_id = creates().into_iter();
    calls.extend(with_id.map(|create| Call::CreateWithId(id(), create)));
    calls.extend(patches().into_iter().map(|patch| Call::Patch(id(), patch)));
    for restart in [
        RestartPipeline::new(),
        RestartPipeline::new().force(),
        RestartPipeline::new().ignore_state(),
        RestartPipeline::new().force().ignore_state(),
    ] {
        calls.push(Call::Restart(id(), restart));
    }
    calls
}

fn creates() -> Vec<CreatePipeline> {
    let create = || CreatePipeline::new("n", "q", 1.try_into().unwrap());
    let texts = || {
        [
            ("k".to_owned(), "v".to_owned()),
            (String::new(), "ü".to_owned()),
        ]
        .into()
    };
    let config = serde_json::json!({"kubernetes-scheduler": {"worker": null}});
    let all = create()
        .checkpoint_interval_micros(1_000_000)
        .udfs(vec![Udf::rust("fn"), Udf::python("def")])
        .tags(texts())
        .env_vars(texts())
        .scheduler_config(config.clone());
    vec![
        create(),
        CreatePipeline::new("ü", "SELECT '\u{0}'", u32::MAX.try_into().unwrap()),
        create().checkpoint_interval_micros(u64::MAX),
        create().udfs(vec![Udf::rust("")]),
        create().tags(texts()),
        create().env_vars(texts()),
        create().scheduler_config(config),
        create().scheduler_config(serde_json::Value::Null),
        all,
    ]
}

fn patches() -> Vec<PatchPipeline> {
    let modes = [
        StopMode::None,
        StopMode::Checkpoint,
        StopMode::Graceful,
        StopMode::Immediate,
        StopMode::Force,
    ];
    let mut patches: Vec<_> = modes
        .into_iter()
        .map(|mode| PatchPipeline::new().stop(mode))
        .collect();
    patches.extend([
        PatchPipeline::new(),
        PatchPipeline::new().parallelism(u32::MAX.try_into().unwrap()),
        PatchPipeline::new().checkpoint_interval_micros(0),
        PatchPipeline::new()
            .stop(StopMode::None)
            .parallelism(1.try_into().unwrap())
            .checkpoint_interval_micros(u64::MAX),
    ]);
    patches
}

#[tokio::test]
async fn what_is_sent_is_valid_and_what_is_never_sent_is_listed() {
    let mut counts = Counts::default();
    // The fields and parameters of the document, and those that were sent.
    let (mut known, mut sent_fields) = (BTreeSet::new(), BTreeSet::new());
    for (request, operation) in sent().await {
        for parameter in operation.parameters() {
            known.insert((operation.id(), parameter.to_owned()));
        }
        for (parameter, _) in &request.query {
            sent_fields.insert((operation.id(), parameter.clone()));
        }
        let Some(schema) = operation.request() else {
            assert_eq!(request.body, None, "{request:?}");
            assert_eq!(request.content_type, None, "{request:?}");
            counts.count("without a body");
            continue;
        };
        assert_eq!(request.content_type.as_deref(), Some("application/json"));
        let body = request.body.as_ref().unwrap();
        let complaints = DOCUMENT.complaints(schema, body);
        assert!(complaints.is_empty(), "{body}: {complaints:?}");
        let name = referred(schema).unwrap();
        let properties = DOCUMENT.schemas()[name]["properties"].as_object().unwrap();
        known.extend(properties.keys().map(|field| (name, field.clone())));
        let fields = body.as_object().unwrap();
        sent_fields.extend(fields.keys().map(|field| (name, field.clone())));
        counts.count(name);
    }
    let listed = |list: &[(&'static str, &str, &str)]| -> BTreeSet<_> {
        let fields = list.iter();
        fields
            .map(|(of, field, reason)| {
                assert!(!reason.is_empty());
                (*of, (*field).to_owned())
            })
            .collect()
    };
    let mut lacked = listed(&UNSENT_FIELDS);
    lacked.extend(listed(&PARAMETERS));
    let never_sent: BTreeSet<_> = known.difference(&sent_fields).cloned().collect();
    assert_eq!(never_sent, lacked);
    let unknown: BTreeSet<_> = sent_fields.difference(&known).cloned().collect();
    assert_eq!(unknown, listed(&EXTRA_FIELDS));
    println!(
        "{} fields and parameters, {} of them never sent, {} more",
        known.len(),
        lacked.len(),
        unknown.len()
    );
    let expected = [
        ("PipelinePatch", 9),
        ("PipelinePost", 18),
        ("PipelineRestart", 4),
        ("ValidateQueryPost", 3),
        ("without a body", 10),
    ];
    counts.expect("requests compared with the document", &expected);
}

/// An older server receives the same requests. It accepts them and ignores what it does not know.
#[tokio::test]
async fn what_is_sent_is_valid_for_the_older_server_too() {
    let document = Release::V015.document();
    let mut unknown = BTreeSet::new();
    let mut counts = Counts::default();
    for (request, operation) in sent().await {
        let Found::Operation(found) = document.find(&request) else {
            // The server answers 405, which tells stepwell its generation.
            assert_eq!(operation.id(), "put_pipeline");
            counts.count("of an operation that the document lacks");
            continue;
        };
        assert_eq!(found.id(), operation.id());
        assert_eq!(found.parameters(), operation.parameters());
        let Some(schema) = found.request() else {
            counts.count("without a body");
            continue;
        };
        let body = request.body.as_ref().unwrap();
        let complaints = document.complaints(schema, body);
        assert!(complaints.is_empty(), "{body}: {complaints:?}");
        let name = referred(schema).unwrap();
        let known = document.schemas()[name]["properties"].as_object().unwrap();
        let fields = body.as_object().unwrap().keys();
        unknown.extend(
            fields
                .filter(|field| !known.contains_key(*field))
                .map(|field| (name, field.clone())),
        );
        counts.count(name);
    }
    let listed = EXTRA_FIELDS
        .map(|(of, field, _)| (of, field))
        .into_iter()
        .chain(NEW_FIELDS)
        .map(|(of, field)| (of, field.to_owned()));
    assert_eq!(unknown, listed.collect());
    let expected = [
        ("PipelinePatch", 9),
        ("PipelinePost", 9),
        ("PipelineRestart", 4),
        ("ValidateQueryPost", 3),
        ("of an operation that the document lacks", 9),
        ("without a body", 10),
    ];
    counts.expect("requests compared with the document of 0.15.0", &expected);
}

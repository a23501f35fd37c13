//! Every server generation, both ways: what it answers is read, and it can read what is sent.

#![allow(clippy::unwrap_used, reason = "it is a test")]

mod support;

use std::num::NonZeroU32;

use serde_json::{Map, Value, json};
use stepwell_arroyo::{
    Checkpoint, CreatePipeline, ErrorDomain, JobError, JobId, JobState, PatchPipeline, PipelineId,
    StopMode,
};
use support::{GENERATIONS, Replay, call::Call, exchanges};

fn generations() -> Vec<(String, Value)> {
    let generations: Map<String, Value> = serde_json::from_str(GENERATIONS).unwrap();
    let generations: Vec<_> = generations
        .into_iter()
        .filter(|(version, _)| version.starts_with('v'))
        .collect();
    let versions: Vec<_> = generations
        .iter()
        .map(|(version, _)| version.as_str())
        .collect();
    assert_eq!(versions, ["v0.12.1", "v0.14.1", "v0.15.0"]);
    generations
}

fn id() -> PipelineId {
    PipelineId::new("pl_aPfTVLdeeM").unwrap()
}

#[tokio::test]
async fn replies_of_every_generation_are_read_alike() {
    let mut first: Option<Value> = None;
    let mut covered = 0;
    for (version, bodies) in generations() {
        let client = |name: &str| Replay::json(&bodies[name]).client();
        let pipeline = client("pipeline").pipeline(&id()).await.unwrap();
        let page = client("pipelines")
            .pipelines_page(NonZeroU32::MIN, None)
            .await
            .unwrap();
        let jobs = client("jobs").jobs(&id()).await.unwrap();
        let failed = client("jobs_failed").jobs(&id()).await.unwrap();
        let valid = client("validate_good").validate("", &[]).await.unwrap();
        let invalid = client("validate_errors").validate("", &[]).await.unwrap();
        covered += 6;

        assert_eq!(pipeline.checkpoint_interval_micros, 10_000_000, "{version}");
        assert_eq!(pipeline.created_at, 1_795_574_859_000_000, "{version}");
        assert_eq!(pipeline.stop, StopMode::None, "{version}");
        assert_eq!(pipeline.action, Some(StopMode::Checkpoint), "{version}");
        assert_eq!(pipeline.action_text, "Stop", "{version}");
        assert_eq!(pipeline.graph.parallelism(), Some(1), "{version}");
        assert_eq!(pipeline.graph.nodes[2].node_id, 4, "{version}");
        assert_eq!(pipeline.graph.edges[1].dest_id, 4, "{version}");
        assert_eq!(pipeline.graph.edges[1].edge_type, "Forward", "{version}");
        assert_eq!(jobs[0].state, JobState::Running, "{version}");
        assert!(jobs[0].running_desired, "{version}");
        assert_eq!(jobs[0].run_id, 1, "{version}");
        assert_eq!(jobs[0].start_time, Some(1_795_574_860_163_266), "{version}");
        assert_eq!(jobs[0].pipeline_id, None, "{version}");
        assert_eq!(jobs[0].failure_reason, None, "{version}");
        let reason = failed[0].failure_reason.as_ref().unwrap();
        assert!(
            reason.error.starts_with("error in connector: "),
            "{version}"
        );
        assert_eq!(reason.domain, None, "{version}");
        let messages: Vec<_> = invalid
            .errors
            .iter()
            .map(|error| error.message.as_str())
            .collect();
        assert_eq!(
            messages,
            [
                "column 'aaa' not found",
                "column 'bbb' not found",
                "Invalid function 'frob'"
            ],
            "{version}"
        );
        assert!(
            invalid.graph.is_none() && invalid.errors[0].span.is_none(),
            "{version}"
        );

        let all = json!([pipeline, page, jobs, failed, valid]);
        assert_eq!(*first.get_or_insert_with(|| all.clone()), all, "{version}");
    }
    println!("{covered} bodies");
    assert_eq!(covered, 18);
}

#[test]
fn what_is_sent_holds_what_every_generation_reads() {
    let parallelism = NonZeroU32::MIN;
    let create = CreatePipeline::new("orders", "SELECT 1", parallelism)
        .checkpoint_interval_micros(10_000_000);
    let sent = serde_json::to_value(&create).unwrap();
    for (version, bodies) in generations() {
        for (field, value) in bodies["request_create"].as_object().unwrap() {
            assert_eq!(sent.get(field), Some(value), "{version}: {field}");
        }
    }
    let patch = PatchPipeline::new().checkpoint_interval_micros(10_000_000);
    assert_eq!(
        serde_json::to_value(&patch).unwrap(),
        json!({"checkpoint_interval_micros": 10_000_000, "checkpointIntervalMicros": 10_000_000})
    );
}

#[tokio::test]
async fn a_server_without_put_says_405() {
    let create = CreatePipeline::new("orders", "SELECT 1", NonZeroU32::MIN);
    for (version, bodies) in generations() {
        assert_eq!(bodies["put_pipeline"], "405, empty body", "{version}");
    }
    let replay = Replay::new(Some(support::RecordedResponse {
        status: 405,
        headers: vec![("allow".to_owned(), "GET,HEAD,PATCH,DELETE".to_owned())],
        body: String::new(),
    }));
    let error = replay
        .client()
        .create_with_id(&id(), &create)
        .await
        .unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(405));
    assert!(!error.is_retryable());
}

/// The spelling up to 0.14. The page flag is `hasMore` in every generation.
fn in_camel_case(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let mut words = name.split('_');
                let mut camel = words.next().unwrap().to_owned();
                for word in words {
                    let (first, rest) = word.split_at(1);
                    camel.push_str(&first.to_ascii_uppercase());
                    camel.push_str(rest);
                }
                (camel, in_camel_case(value))
            })
            .collect(),
        Value::Array(values) => values.iter().map(in_camel_case).collect(),
        other => other.clone(),
    }
}

/// `generations.json` has no job errors and no checkpoints: those of the recordings, spelled as before.
#[tokio::test]
async fn every_recorded_value_is_read_in_both_spellings() {
    let mut covered = 0;
    for exchange in exchanges() {
        let Some(response) = exchange.response.filter(|response| response.status == 200) else {
            continue;
        };
        let request = support::Exchange {
            response: None,
            ..exchange
        };
        let Some(call) = Call::of(&request) else {
            continue;
        };
        // Jobs are in `generations.json`; their failures were a text before.
        if matches!(call, Call::Ping | Call::Delete(_) | Call::Jobs(_)) {
            continue;
        }
        let camel = in_camel_case(&response.json());
        let client = Replay::json(&camel).client();
        let value = call.make(&client, &request.request.body).await.unwrap();
        // A state to start from exists only after 0.15.
        let is_newer = response.body.contains("file:///srv/x");
        assert!(
            value == call.expected(&response) || is_newer,
            "{}: {value}",
            request.name
        );
        covered += 1;
    }
    println!("{covered} bodies");
    assert!(covered > 200, "{covered}");
}

#[tokio::test]
async fn what_no_version_knows_yet_is_carried_through() {
    let job = json!({"data": [{
        "id": "job_1", "running_desired": true, "state": "Migrating", "created_at": 1, "new_field": {"a": [1]},
        "failure_reason": {"error": "x", "domain": "cosmic", "hint": 1}, "env_vars": null, "scheduler_config": null,
    }], "next": "x"});
    let jobs = Replay::json(&job).client().jobs(&id()).await.unwrap();
    assert_eq!(jobs[0].state, JobState::Other("Migrating".to_owned()));
    assert!(!jobs[0].state.is_terminal());
    let domain = jobs[0].failure_reason.as_ref().unwrap().domain.clone();
    assert_eq!(domain, Some(ErrorDomain::Other("cosmic".to_owned())));
    assert_eq!(
        serde_json::to_value(&jobs[0]).unwrap()["state"],
        "Migrating"
    );

    let pipeline = json!({"id": "a/b", "name": "", "query": "", "stop": "gentle", "created_at": 1, "action": "dance",
        "udfs": [{"definition": "", "language": "zig"}]});
    let pipeline = Replay::json(&pipeline)
        .client()
        .pipeline(&id())
        .await
        .unwrap();
    assert_eq!(pipeline.id.as_str(), "a/b");
    assert_eq!(pipeline.stop, StopMode::Other("gentle".to_owned()));
    assert_eq!(pipeline.action, Some(StopMode::Other("dance".to_owned())));
    assert_eq!(pipeline.udfs[0].language.as_str(), "zig");

    let errors = json!({"data": [{"id": "jlm_1", "created_at": 1, "level": "fatal", "message": "m"}], "hasMore": true});
    let errors: Vec<JobError> = Replay::json(&errors)
        .client()
        .job_errors(&id(), &JobId::from_server("job_1"))
        .await
        .unwrap();
    assert_eq!(errors[0].level.as_str(), "fatal");

    let checkpoints = json!({"data": [{"epoch": 1, "checkpoint_type": "manual", "start_time": 1}]});
    let checkpoints: Vec<Checkpoint> = Replay::json(&checkpoints)
        .client()
        .checkpoints(&id(), &JobId::from_server("job_1"))
        .await
        .unwrap();
    assert_eq!(checkpoints[0].checkpoint_type.as_str(), "manual");
    assert_eq!(checkpoints[0].finish_time, None);
}

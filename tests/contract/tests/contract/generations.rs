//! Every server generation, in both directions: stepwell reads its replies, and it can read stepwell's requests.

pub mod older;
mod recorded;

use std::num::NonZeroU32;

use serde_json::{Value, json};
use stepwell_arroyo::{
    Checkpoint, CheckpointType, CreatePipeline, ErrorDomain, JobError, JobId, JobState,
    PatchPipeline, PipelineId, RestartPipeline, StopMode, Udf,
};

use self::older::{Generation, camel_case, generations};
use crate::{Counts, call::Call, recording::Release, replay::Replay, request::AnyRequest};

fn id() -> PipelineId {
    PipelineId::new("pl_aPfTVLdeeM").unwrap()
}

/// The bodies derived from the recordings below match `generations.json`.
#[test]
fn the_older_forms_are_those_of_the_releases() {
    let recorded = |name: &str| Release::V016.response(name).json();
    let mut counts = Counts::default();
    for generation in generations() {
        for (body, exchange) in [
            ("pipeline", "102_get_pipeline_running"),
            ("pipelines", "104_list_pipelines_one"),
            ("jobs", "103_get_jobs_running"),
            ("jobs_failed", "301_missing_file_jobs"),
            ("validate_errors", "020_validate_multiple_errors_columns"),
            ("validate_good", "010_validate_good"),
        ] {
            let written = generation.writes(&recorded(exchange));
            assert_eq!(
                written, generation.bodies[body],
                "{}: {body}",
                generation.name
            );
            counts.count(&generation.name);
        }
    }
    let expected = [("v0.12.1", 6), ("v0.14.1", 6), ("v0.15.0", 6)];
    counts.expect("bodies of the releases", &expected);
}

/// Reads each recorded value as each generation would have written it, without the fields that it does not know.
#[tokio::test]
async fn every_recorded_value_is_read_from_every_generation() {
    let mut counts = Counts::default();
    for generation in generations() {
        let name = generation.name.as_str();
        for exchange in Release::V016.exchanges() {
            let request = AnyRequest::recorded(&exchange.request);
            let (Some(call), Some(response)) = (Call::like(&request), exchange.response) else {
                continue;
            };
            // A stream of rows is not a body; the tests of stepwell-arroyo read both spellings of its fields.
            let is_other = matches!(call, Call::Ping | Call::Delete(_) | Call::Output(..));
            if response.status != 200 || is_other {
                continue;
            }
            let written = generation.writes(&response.json());
            let read = call.make(&Replay::json(&written).client()).await.unwrap();
            let expected = older::without_news(&call.expected(&response));
            assert_eq!(read, expected, "{name}: {}", exchange.name);
            counts.count(format_args!("{name}: {}", kind(&call)));
        }
        for timeline in Release::V016.timelines() {
            for body in timeline.jobs {
                let body: Value = serde_json::from_str(&body.body).unwrap();
                let written = generation.writes(&body);
                let jobs = Replay::json(&written).client().jobs(&id()).await.unwrap();
                let expected = older::without_news(&body["data"]);
                assert_eq!(json!(jobs), expected, "{name}: {}", timeline.name);
                assert!(!matches!(jobs[0].state, JobState::Other(_)), "{jobs:?}");
                counts.count(format_args!("{name}: jobs of the timelines"));
            }
        }
    }
    let each = [
        ("checkpoints", 4),
        ("job errors", 22),
        ("jobs", 42),
        ("jobs of the timelines", 224),
        ("lists of pipelines", 29),
        ("pipelines", 119),
        ("validations", 28),
    ];
    for (name, kind, count) in ["v0.12.1", "v0.14.1", "v0.15.0"]
        .into_iter()
        .flat_map(|name| each.map(|(kind, count)| (name, kind, count)))
    {
        assert_eq!(
            counts.0[&format!("{name}: {kind}")],
            count,
            "{name}: {kind}"
        );
    }
    counts.print("values read from every generation");
}

fn kind(call: &Call) -> &'static str {
    match call {
        Call::Ping | Call::Delete(_) | Call::Output(..) => "nothing",
        Call::Validate { .. } => "validations",
        Call::List { .. } => "lists of pipelines",
        Call::Get(_)
        | Call::Create(_)
        | Call::CreateWithId(..)
        | Call::Patch(..)
        | Call::Restart(..) => "pipelines",
        Call::Jobs(_) | Call::AllJobs => "jobs",
        Call::JobErrors(..) => "job errors",
        Call::Checkpoints(..) => "checkpoints",
    }
}

/// Fields that no release up to 0.15 reads, in any spelling.
const NEW: [(&str, &str); 3] = [
    ("env_vars", "ignored up to 0.15"),
    ("scheduler_config", "ignored up to 0.15"),
    ("ignore_state", "sent only on request"),
];

#[test]
fn what_is_sent_can_be_read_by_every_generation() {
    let create = CreatePipeline::new("orders", "SELECT 1", NonZeroU32::MIN)
        .checkpoint_interval_micros(10_000_000);
    let sent = json!(create);
    for generation in generations() {
        let read = generation.bodies["request_create"].as_object().unwrap();
        for (field, value) in read {
            assert_eq!(sent.get(field), Some(value), "{}: {field}", generation.name);
        }
    }

    let text = || [(String::new(), String::new())].into();
    let create = create
        .udfs(vec![Udf::rust(""), Udf::python("")])
        .tags(text())
        .env_vars(text())
        .scheduler_config(json!({}));
    let patch = PatchPipeline::new()
        .stop(StopMode::Checkpoint)
        .parallelism(NonZeroU32::MIN)
        .checkpoint_interval_micros(10_000_000);
    let restart = RestartPipeline::new().force().ignore_state();
    let mut counts = Counts::default();
    for body in [json!(create), json!(patch), json!(restart)] {
        for (field, value) in body.as_object().unwrap() {
            if NEW.iter().any(|(new, _)| new == field) {
                counts.count("new");
            } else if camel_case(field) == *field {
                counts.count("spelled alike");
            } else {
                assert_eq!(body.get(camel_case(field)), Some(value), "{field}");
                counts.count("in both spellings");
            }
        }
    }
    // Both spellings of two intervals; the second one is already counted as "alike".
    let expected = [("in both spellings", 2), ("new", 3), ("spelled alike", 10)];
    counts.expect("fields sent", &expected);
}

#[tokio::test]
async fn a_server_without_put_says_405() {
    let create = CreatePipeline::new("orders", "SELECT 1", NonZeroU32::MIN);
    for Generation { name, bodies, .. } in generations() {
        assert_eq!(bodies["put_pipeline"], "405, empty body", "{name}");
    }
    let replay = Replay::new(Some(Release::V015.response("020_put_is_missing")));
    let created = replay.client().create_with_id(&id(), &create).await;
    let error = created.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(405));
    assert!(!error.is_retryable());
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
        .pipeline(&PipelineId::from_server("a/b"))
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
    assert_eq!(
        checkpoints[0].checkpoint_type,
        Some(CheckpointType::Other("manual".to_owned()))
    );
    assert_eq!(checkpoints[0].finish_time, None);
}

use serde_json::{Value, json};

use super::*;
use crate::StopMode;

fn shown(request: ApiRequest) -> (String, Value) {
    let request = request.request.unwrap();
    assert_eq!(request.headers()[header::ACCEPT], "application/json");
    assert!(!request.headers().contains_key(header::ACCEPT_ENCODING));
    assert_eq!(
        request.headers().contains_key(header::CONTENT_TYPE),
        !request.body().is_empty()
    );
    let body = serde_json::from_slice(request.body()).unwrap_or_default();
    (format!("{} {}", request.method(), request.uri()), body)
}

fn id(text: &str) -> PipelineId {
    PipelineId::from_server(text)
}

#[test]
fn requests_are_in_origin_form_and_ids_stay_in_their_segment() {
    let job = JobId::from_server("job/1?");
    let limit = NonZeroU32::new(10).unwrap();
    for (request, expected) in [
        (ping(), "GET /api/v1/ping"),
        (
            list_pipelines(limit, None),
            "GET /api/v1/pipelines?limit=10",
        ),
        (
            list_pipelines(limit, Some(&id("a&b"))),
            "GET /api/v1/pipelines?limit=10&starting_after=a%26b",
        ),
        (get_pipeline(&id("pl_1")), "GET /api/v1/pipelines/pl_1"),
        (
            get_pipeline(&id("../x y#\0ä%")),
            "GET /api/v1/pipelines/..%2Fx%20y%23%00%C3%A4%25",
        ),
        (get_pipeline(&id("..")), "GET /api/v1/pipelines/%2E%2E"),
        (delete(&id("pl_1")), "DELETE /api/v1/pipelines/pl_1"),
        (jobs(&id("pl_1")), "GET /api/v1/pipelines/pl_1/jobs"),
        (all_jobs(), "GET /api/v1/jobs"),
        (
            job_errors(&id("pl_1"), &job),
            "GET /api/v1/pipelines/pl_1/jobs/job%2F1%3F/errors?limit=1000",
        ),
        (
            checkpoints(&id("pl_1"), &job),
            "GET /api/v1/pipelines/pl_1/jobs/job%2F1%3F/checkpoints",
        ),
    ] {
        assert_eq!(shown(request), (expected.to_owned(), Value::Null));
    }
}

#[test]
fn what_is_unset_is_left_out() {
    let parallelism = NonZeroU32::new(2).unwrap();
    let plain = CreatePipeline::new("orders", "SELECT 1", parallelism);
    let full = plain
        .clone()
        .checkpoint_interval_micros(10_000_000)
        .udfs(vec![Udf::python("def f(): pass")])
        .tags([("team".to_owned(), "data".to_owned())].into())
        .env_vars([("KEY".to_owned(), "value".to_owned())].into())
        .scheduler_config(json!({"kubernetes-scheduler": {}}));
    for (request, line, body) in [
        (
            create(&plain),
            "POST /api/v1/pipelines",
            json!({"name": "orders", "query": "SELECT 1", "parallelism": 2}),
        ),
        (
            create_with_id(&id("own"), &full),
            "PUT /api/v1/pipelines/own",
            json!({
                "name": "orders", "query": "SELECT 1", "parallelism": 2,
                "udfs": [{"definition": "def f(): pass", "language": "python"}],
                // Servers up to 0.14 read the second spelling.
                "checkpoint_interval_micros": 10_000_000, "checkpointIntervalMicros": 10_000_000,
                "tags": {"team": "data"}, "env_vars": {"KEY": "value"},
                "scheduler_config": {"kubernetes-scheduler": {}},
            }),
        ),
        (
            validate("SELECT 1", &[]),
            "POST /api/v1/pipelines/validate_query",
            json!({"query": "SELECT 1"}),
        ),
        (
            validate("SELECT 1", &[Udf::rust("fn f() {}")]),
            "POST /api/v1/pipelines/validate_query",
            json!({"query": "SELECT 1", "udfs": [{"definition": "fn f() {}", "language": "rust"}]}),
        ),
        (
            patch(&id("own"), &PatchPipeline::new()),
            "PATCH /api/v1/pipelines/own",
            json!({}),
        ),
        (
            patch(&id("own"), &PatchPipeline::new().stop(StopMode::Checkpoint)),
            "PATCH /api/v1/pipelines/own",
            json!({"stop": "checkpoint"}),
        ),
        (
            patch(
                &id("own"),
                &PatchPipeline::new()
                    .parallelism(parallelism)
                    .checkpoint_interval_micros(1_000_000),
            ),
            "PATCH /api/v1/pipelines/own",
            json!({"parallelism": 2, "checkpoint_interval_micros": 1_000_000, "checkpointIntervalMicros": 1_000_000}),
        ),
        (
            restart(&id("own"), &RestartPipeline::new()),
            "POST /api/v1/pipelines/own/restart",
            json!({}),
        ),
        (
            restart(&id("own"), &RestartPipeline::new().force()),
            "POST /api/v1/pipelines/own/restart",
            json!({"force": true}),
        ),
        (
            restart(&id("own"), &RestartPipeline::new().ignore_state()),
            "POST /api/v1/pipelines/own/restart",
            json!({"ignore_state": true}),
        ),
    ] {
        assert_eq!(shown(request), (line.to_owned(), body));
    }
}

#[test]
fn an_id_too_long_for_a_request_is_an_error() {
    let id = id(&"x".repeat(100_000));
    let request = get_pipeline(&id);
    assert!(matches!(
        request.request,
        Err(ClientErrorKind::Request { .. })
    ));
}

//! Every reply of a real Arroyo that the client can get, decoded by the client.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

use serde_json::{Value, json};
use stepwell_arroyo::{
    ClientError, ClientErrorKind, CreatePipeline, JobState, PatchPipeline, Phase, PipelineId,
    RestartPipeline, StopMode, TransportErrorKind, Udf,
};
use support::{
    RecordedResponse, Replay, TIMELINES,
    call::{Call, normal, sent, shown},
    exchanges,
};

/// Checks that a refusal is told with its status and in the server's words.
#[track_caller]
fn check_refusal(name: &str, error: &ClientError, response: &RecordedResponse) {
    let ClientErrorKind::Rejected {
        status,
        message,
        from_api,
        ..
    } = error.kind()
    else {
        panic!("{name}: {error:?}");
    };
    assert_eq!(status.as_u16(), response.status, "{name}");
    assert_eq!(
        error.status().map(|status| status.as_u16()),
        Some(response.status),
        "{name}"
    );
    assert_eq!(error.phase(), Phase::Responded, "{name}");
    assert!(!error.is_retryable(), "{name}");
    match (response.content_type(), response.body.as_str()) {
        ("application/json", _) => {
            assert!(*from_api, "{name}");
            assert_eq!(
                Some(message.as_str()),
                response.json()["error"].as_str(),
                "{name}"
            );
        }
        ("", "") => {
            assert!(!from_api && matches!(response.status, 401 | 405), "{name}");
            assert!(
                message.starts_with("no reason is given; "),
                "{name}: {message}"
            );
        }
        ("text/plain; charset=utf-8", body) => {
            assert!(!from_api, "{name}");
            assert_eq!(
                *message,
                format!("(text/plain; charset=utf-8) {body}"),
                "{name}"
            );
        }
        other => panic!("{name}: a body of a kind that was not recorded before: {other:?}"),
    }
    assert!(
        error.to_string().ends_with(message.as_str()),
        "{name}: {error}"
    );
}

#[track_caller]
fn check_closed(name: &str, error: &ClientError) {
    assert_eq!(
        error.transport_error_kind(),
        Some(TransportErrorKind::Closed),
        "{name}"
    );
    assert_eq!(error.phase(), Phase::MaybeSent, "{name}");
    assert!(error.is_retryable() && error.status().is_none(), "{name}");
}

#[tokio::test]
async fn every_reply_of_the_clients_endpoints_is_read() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = |what| *counts.entry(what).or_default() += 1;
    for exchange in exchanges() {
        let name = exchange.name.as_str();
        let Some(call) = Call::of(&exchange) else {
            count("of other endpoints");
            continue;
        };
        let replay = Replay::new(exchange.response.clone());
        let result = call.make(&replay.client(), &exchange.request.body).await;

        let (method, path, body) = replay.asked();
        assert_eq!(method, exchange.request.method, "{name}");
        assert_eq!(
            Some(path.as_str()),
            exchange.request.path.split('?').next(),
            "{name}"
        );
        if let Some(sent) = sent(&call, &exchange.request.body) {
            assert_eq!(normal(body), normal(sent), "{name}");
            count("request bodies sent alike");
        }

        match (result, &exchange.response) {
            (Err(error), None) => {
                check_closed(name, &error);
                count("closed");
            }
            (Ok(value), Some(response)) if response.status == 200 => {
                assert_eq!(value, call.expected(response), "{name}");
                count("values");
            }
            (Err(error), Some(response)) => {
                check_refusal(name, &error, response);
                count("refusals");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    println!("{counts:?}");
    // Of 366 exchanges.
    let expected = [
        ("closed", 1),
        ("of other endpoints", 45),
        ("refusals", 68),
        ("request bodies sent alike", 130),
        ("values", 252),
    ];
    assert_eq!(counts, expected.into());
}

/// What paths answer that the client never asks for: a wrong base address leads there.
#[tokio::test]
async fn replies_of_other_paths_are_never_taken_for_the_apis() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = |what| *counts.entry(what).or_default() += 1;
    for exchange in exchanges() {
        let name = exchange.name.as_str();
        if Call::of(&exchange).is_some() {
            continue;
        }
        let client = Replay::new(exchange.response.clone()).client();
        let Some(response) = &exchange.response else {
            check_closed(name, &client.ping().await.unwrap_err());
            count("closed");
            continue;
        };
        let id = PipelineId::from_server("pl_1");
        let errors = [
            client.ping().await.map(drop),
            client.pipeline(&id).await.map(drop),
            client.jobs(&id).await.map(drop),
            client.patch(&id, &PatchPipeline::new()).await.map(drop),
            client.delete(&id).await,
        ];
        if response.status != 200 {
            // One path with a point in its name answers 404 as text.
            for error in errors {
                check_refusal(name, &error.unwrap_err(), response);
            }
            count("refusals");
        } else if response.content_type().starts_with("text/html") {
            for error in errors {
                let error = error.unwrap_err();
                let ClientErrorKind::NotArroyo {
                    status,
                    content_type,
                    start,
                    ..
                } = error.kind()
                else {
                    panic!("{name}: {error:?}");
                };
                assert_eq!(
                    (status.as_u16(), content_type.as_str()),
                    (200, "text/html; charset=utf-8")
                );
                assert!(response.body.starts_with(start), "{name}: {start}");
                assert!(!error.is_retryable());
            }
            count("pages");
        } else {
            assert!(errors[0].is_err(), "{name}: not a pong");
            count("other values");
        }
    }
    println!("{counts:?}");
    let expected = [
        ("closed", 2),
        ("other values", 19),
        ("pages", 3),
        ("refusals", 21),
    ];
    assert_eq!(counts, expected.into());
}

#[tokio::test]
async fn every_job_of_the_timelines_is_read() {
    let (mut timelines, mut bodies, mut states) = (0, 0, BTreeSet::new());
    for line in TIMELINES.lines() {
        let timeline: Value = serde_json::from_str(line).unwrap();
        timelines += 1;
        for entry in timeline["jobs"].as_array().unwrap() {
            let body: Value = serde_json::from_str(entry["body"].as_str().unwrap()).unwrap();
            let name = &timeline["name"];
            let client = Replay::json(&body).client();
            let id = PipelineId::from_server("pl_1");
            match client.jobs(&id).await {
                Ok(jobs) => {
                    assert_eq!(serde_json::to_value(&jobs).unwrap(), body["data"], "{name}");
                    for job in jobs {
                        assert!(!matches!(job.state, JobState::Other(_)), "{name}: {job:?}");
                        states.insert(job.state.to_string());
                    }
                }
                // After a delete.
                Err(error) => assert!(body.get("error").is_some(), "{name}: {error}"),
            }
            bodies += 1;
        }
    }
    println!("{timelines} timelines, {bodies} bodies, states {states:?}");
    assert_eq!(timelines, 61);
}

/// What is written has the fields of the server's own OpenAPI document, and no others.
#[test]
fn requests_have_the_fields_of_the_schema() {
    let openapi = exchanges()
        .into_iter()
        .find(|exchange| exchange.name == "002_openapi_json")
        .and_then(|exchange| exchange.response)
        .unwrap()
        .json();
    let full = CreatePipeline::new("name", "query", NonZeroU32::MIN)
        .checkpoint_interval_micros(1)
        .udfs(vec![Udf::rust("")])
        .tags([(String::new(), String::new())].into())
        .env_vars([(String::new(), String::new())].into())
        .scheduler_config(json!({}));
    let patch = PatchPipeline::new()
        .stop(StopMode::None)
        .parallelism(NonZeroU32::MIN)
        .checkpoint_interval_micros(1);
    let restart = RestartPipeline::new().force().ignore_state();
    for (schema, body, left_out) in [
        ("PipelinePost", shown(Ok(full)).unwrap(), &["state_url"][..]),
        (
            "PipelinePatch",
            shown(Ok(patch)).unwrap(),
            &["env_vars", "scheduler_config"],
        ),
        ("PipelineRestart", shown(Ok(restart)).unwrap(), &[]),
        ("Udf", shown(Ok(Udf::python(""))).unwrap(), &[]),
    ] {
        let properties = &openapi["components"]["schemas"][schema]["properties"];
        let mut written: BTreeSet<_> = normal(body).as_object().unwrap().keys().cloned().collect();
        if schema == "PipelinePost" {
            assert!(written.contains("udfs"));
        }
        written.extend(left_out.iter().map(|&field| field.to_owned()));
        let known: BTreeSet<_> = properties.as_object().unwrap().keys().cloned().collect();
        assert_eq!(written, known, "{schema}");
    }
}

#[test]
fn every_recording_that_the_docs_name_exists() {
    let timelines = TIMELINES.lines().map(|line| {
        let timeline: Value = serde_json::from_str(line).unwrap();
        timeline["name"].as_str().unwrap().to_owned()
    });
    let known: BTreeSet<_> = exchanges()
        .into_iter()
        .map(|exchange| exchange.name)
        .chain(timelines)
        .collect();
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut named = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            // Between backticks: three digits, then a name.
            for word in source.split('`').filter(|word| {
                word.len() > 4
                    && word.bytes().take(3).all(|byte| byte.is_ascii_digit())
                    && word.contains('_')
                    && !word.contains(char::is_whitespace)
            }) {
                assert!(known.contains(word), "{}: {word}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 20, "{named}");
}

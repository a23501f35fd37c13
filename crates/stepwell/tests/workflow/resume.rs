//! Resuming, by the state that the pipeline is in.

use serde_json::{Value, json};
use stepwell::{
    Error, PipelineSpec, StopPolicy,
    error::{Action, ResolveError},
    observe::Difference,
    transport::{FakeTransport, Phase, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

fn spec_with_four() -> PipelineSpec {
    PipelineSpec::builder(QUERY)
        .name("orders")
        .parallelism(four())
        .build()
        .unwrap()
}

/// The requests sent to a pipeline in this state with this stop mode: method, path and body.
async fn sent(state: &str, stop: &str, parallelism: bool) -> Vec<(Method, String, Value)> {
    let fake = FakeTransport::new();
    let spec = if parallelism {
        spec_with_four()
    } else {
        spec()
    };
    let job = if stop == "none" {
        job(state)
    } else {
        undesired(state)
    };
    let validated = with_job(&fake, spec, stop, job).await;
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY))
        .always();
    fake.expect(Method::POST, RESTART).reply(200, "").always();
    let resumed = resumed(validated.resolve().await.unwrap());
    assert!(!resumed.is_adopted());
    assert!(
        resumed.differences().is_empty(),
        "{:?}",
        resumed.differences()
    );
    assert_eq!(resumed.resumed_from().unwrap().state.as_str(), state);
    // Skip ping, validate, list and job.
    fake.requests()[4..]
        .iter()
        .map(|request| (request.method.clone(), request.path.clone(), request.json()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_state_is_resumed_by_exactly_the_requests_that_it_takes() {
    let living = [
        "Created",
        "Compiling",
        "Scheduling",
        "Running",
        "Rescaling",
        "Restarting",
        "Recovering",
        "Migrating",
        "Stopping",
        "CheckpointStopping",
        "Stopped",
        "Failed",
    ];
    for state in living {
        for stop in ["none", "checkpoint"] {
            for parallelism in [false, true] {
                let patch = match (stop, parallelism) {
                    ("none", false) => None,
                    ("none", true) => Some(json!({"parallelism": 4})),
                    (_, false) => Some(json!({"stop": "none"})),
                    (_, true) => Some(json!({"stop": "none", "parallelism": 4})),
                };
                let patch = patch.map(|body| (Method::PATCH, path("pl_1"), body));
                let restart =
                    (state == "Failed").then(|| (Method::POST, RESTART.to_owned(), json!({})));
                let wanted: Vec<_> = patch.into_iter().chain(restart).collect();
                assert_eq!(
                    sent(state, stop, parallelism).await,
                    wanted,
                    "{state}, told {stop}, parallelism asked for: {parallelism}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_to_stop_is_told_to_run_although_the_pipeline_does_not_say_so() {
    for state in ["Stopped", "Stopping", "CheckpointStopping"] {
        let fake = FakeTransport::new();
        let validated = with_job(&fake, spec(), "none", undesired(state)).await;
        fake.patch("pl_1", json!({"stop": "none"}));
        let _ = resumed(validated.resolve().await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_parallelism_that_it_has_already_is_not_sent() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec_with_four()).await;
    fake.list(&[pipeline("pl_1", QUERY).with("graph", graph(4))]);
    fake.jobs("pl_1", job("Running"));
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_applied_on_resume_is_reported() {
    let spec = PipelineSpec::builder(QUERY)
        .name("renamed")
        .checkpoint_interval(stepwell::spec::CheckpointInterval::new(seconds(30)).unwrap())
        .tag("team", "a")
        .environment("KEY", "value")
        .scheduler_config(json!({"a": 1}))
        .build()
        .unwrap();
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec, "none", job("Running")).await;
    let resumed = resumed(validated.resolve().await.unwrap());
    let wanted = [
        Difference::Name {
            found: "orders".to_owned(),
        },
        Difference::CheckpointInterval {
            wanted_micros: 30_000_000,
            found_micros: 10_000_000,
        },
        Difference::Tags,
        Difference::Environment,
        Difference::SchedulerConfig,
    ];
    assert_eq!(resumed.differences(), wanted);
    assert_eq!(resumed.register().differences(), wanted);
}

#[tokio::test(start_paused = true)]
async fn what_is_about_to_end_is_awaited_and_then_decided_anew() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failing")).await;
    fake.jobs("pl_1", job("Failing"));
    fake.jobs("pl_1", job("Failed"));
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Failed"));
    fake.expect(Method::POST, RESTART)
        .with_json(json!({}))
        .reply(200, "");
    let _ = resumed(validated.resolve().await.unwrap());

    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Finishing")).await;
    fake.jobs("pl_1", job("Finishing"));
    fake.jobs("pl_1", job("Finished"));
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Finished"));
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Finished { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_never_ends_is_awaited_to_the_deadline() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Finishing")).await;
    shows_always(&fake, &job("Finishing"));
    let started = Instant::now();
    let (error, _) = resolve_error(validated.resolve().await);
    assert_eq!(started.elapsed(), seconds(20));
    assert!(
        matches!(error, ResolveError::NotSettled { .. }),
        "{error:?}"
    );
    assert!(
        chain(&error).contains("last seen in Finishing"),
        "{}",
        chain(&error)
    );
    assert!(Error::from(error).is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_is_not_answered_is_sent_again() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "checkpoint", undesired("Stopped")).await;
    let body = || json!({"stop": "none"});
    fake.expect(Method::PATCH, path("pl_1"))
        .with_json(body())
        .lost();
    fake.expect(Method::PATCH, path("pl_1"))
        .with_json(body())
        .reply(502, "");
    fake.patch("pl_1", body()).reply(200, "");
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_gateway_with_a_200_is_no_answer_and_asked_again() {
    let html = "<!doctype html><title>gateway</title>";
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.expect(Method::GET, LIST).reply(200, html);
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.expect(Method::GET, jobs_path("pl_1")).reply(200, html);
    fake.jobs("pl_1", job("Running"));
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_refused_resume_shows_the_words_of_the_server() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    fake.expect(Method::POST, RESTART).reply_json(
        400,
        &json!({"error": "the job is in no state to be restarted"}),
    );
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(
        matches!(
            &error,
            ResolveError::Rejected {
                action: Action::Resume,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(chain(&error).contains("in no state to be restarted"));
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_vanishes_while_it_is_resumed_is_said_to_be_gone_and_not_stopped() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "checkpoint", undesired("Stopped")).await;
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(404, &json!({"error": "Job for pipeline not found"}));
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Vanished { .. }), "{error:?}");
    let report = validated.shutdown().stop_all(StopPolicy::default()).await;
    assert!(report.unwrap().entries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_resume_that_is_never_answered_ends_by_the_deadline_and_the_shutdown_still_knows_of_it() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "checkpoint", undesired("Stopped")).await;
    fake.expect(Method::PATCH, path("pl_1")).lost().always();
    let started = Instant::now();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert_eq!(started.elapsed(), seconds(20));
    assert!(
        matches!(
            &error,
            ResolveError::Unanswered {
                action: Action::Resume,
                ..
            }
        ),
        "{error:?}"
    );
    let error = Error::from(error);
    assert_eq!(error.phase(), Phase::MaybeSent);
    assert!(error.is_retryable());
    // What may have been started may show later, so its end is not believed for a while.
    shows_always(&fake, &undesired("Stopped"));
    let report = validated
        .shutdown()
        .stop_all(StopPolicy::default())
        .await
        .unwrap();
    assert!(report.to_string().contains("is Stopped"), "{report}");
}

/// It is a gateway's, and says nothing about the pipeline.
#[tokio::test(start_paused = true)]
async fn a_web_page_in_answer_to_a_patch_is_no_refusal_and_is_not_tried_past_the_deadline() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "checkpoint", undesired("Stopped")).await;
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_text(200, "text/html", "<html>welcome</html>")
        .always();
    let started = tokio::time::Instant::now();
    let (error, _) = resolve_error(validated.resolve().await);
    assert_eq!(started.elapsed(), seconds(20));
    assert!(
        matches!(error, ResolveError::Unanswered { .. }),
        "{error:?}"
    );
    let text = chain(&error);
    assert!(text.contains("is not from an Arroyo API"), "{text}");
    assert!(!text.contains("refused"), "{text}");
}

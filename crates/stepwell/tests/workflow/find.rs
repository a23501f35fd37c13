//! Finding the pipeline of a spec in the list, and refusing ambiguous matches.

use serde_json::{Value, json};
use stepwell::{
    Error, JobState, PipelineSpec, Submission,
    arroyo::Udf,
    error::ResolveError,
    observe::Difference,
    spec::{Identity, Intent, PipelineSpecBuilder, WhenFinished, WhenUdfsDiffer},
    state::{Plan, Validated},
    transport::{
        FakeTransport, Phase,
        http::{Method, StatusCode},
    },
};

use crate::support::*;

pub(crate) fn builder() -> PipelineSpecBuilder {
    PipelineSpec::builder(QUERY).name("orders")
}

/// A submission to a server that holds these pipelines. The list is served twice, for `plan` and for `resolve`.
pub(crate) async fn among(
    fake: &FakeTransport,
    spec: PipelineSpecBuilder,
    pipelines: &[Value],
) -> Submission<Validated> {
    let validated = validated(fake, spec.build().unwrap()).await;
    fake.list(pipelines);
    validated
}

/// The error with which both `plan` and `resolve` refuse, having sent nothing but reads.
pub(crate) async fn refusal(
    spec: PipelineSpecBuilder,
    pipelines: &[Value],
    jobs: &[(&str, &str)],
) -> ResolveError {
    let fake = FakeTransport::any_order();
    let validated = among(&fake, spec, pipelines).await;
    fake.list(pipelines);
    for (id, state) in jobs.iter().chain(jobs) {
        fake.jobs(id, job(state));
    }
    let planned = validated.plan().await.unwrap_err();
    let sent_by_plan = fake.requests();
    assert!(
        sent_by_plan[2..]
            .iter()
            .all(|request| request.method == Method::GET)
    );
    let (error, validated) = resolve_error(validated.resolve().await);
    assert_eq!(planned.to_string(), error.to_string());
    assert!(
        fake.requests()[2..]
            .iter()
            .all(|request| request.method == Method::GET)
    );
    assert!(!validated.has_create_in_doubt());
    let report = validated
        .shutdown()
        .stop_all(stepwell::StopPolicy::default());
    assert!(report.await.unwrap().entries.is_empty());
    let error = Error::from(error);
    assert_eq!(error.phase(), Phase::Responded);
    assert!(!error.is_retryable());
    match error {
        Error::Resolve { source } => source,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn two_exact_matches_are_an_ambiguity_that_lists_both_and_an_id_chooses() {
    let both = [pipeline("pl_1", QUERY), pipeline("pl_2", QUERY)];
    let states = [("pl_1", "Running"), ("pl_2", "Stopped")];
    let error = refusal(builder(), &both, &states).await;
    assert!(
        matches!(&error, ResolveError::Ambiguous { matches } if matches.len() == 2),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("pl_1") && text.contains("pl_2"), "{text}");

    for spec in [
        builder().intent(Intent::Resume(id("pl_2"))),
        builder().identity(Identity::Given(id("pl_2"))),
    ] {
        let fake = FakeTransport::new();
        let validated = among(&fake, spec, &both).await;
        fake.jobs("pl_2", job("Running"));
        let resumed = resumed(validated.resolve().await.unwrap());
        assert_eq!(resumed.id().as_str(), "pl_2");
        assert!(!resumed.is_adopted());
        assert_eq!(resumed.resumed_from().unwrap().state, JobState::Running);
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_one_beside_a_living_one_is_no_ambiguity() {
    let fake = FakeTransport::new();
    let both = [pipeline("pl_1", QUERY), pipeline("pl_2", QUERY)];
    let validated = among(&fake, builder(), &both).await;
    fake.jobs("pl_1", job("Finished"));
    fake.jobs("pl_2", job("Running"));
    assert_eq!(
        resumed(validated.resolve().await.unwrap()).id().as_str(),
        "pl_2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_given_id_with_another_query_is_a_conflict() {
    for spec in [
        builder().intent(Intent::Resume(id("pl_1"))),
        builder().identity(Identity::Given(id("pl_1"))),
    ] {
        let error = refusal(spec, &[pipeline("pl_1", "SELECT 2")], &[]).await;
        assert!(matches!(error, ResolveError::Conflict { .. }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_to_create_refuses_what_is_there() {
    for state in ["Running", "Stopped", "Failed", "Finished"] {
        let spec = builder().intent(Intent::CreateOnly);
        let error = refusal(spec, &[pipeline("pl_1", QUERY)], &[("pl_1", state)]).await;
        assert!(
            matches!(&error, ResolveError::AlreadyExists { existing, .. } if existing.id.as_str() == "pl_1"),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn only_to_resume_creates_nothing() {
    for intent in [Intent::ResumeOnly, Intent::Resume(id("pl_1"))] {
        let error = refusal(builder().intent(intent.clone()).force(true), &[], &[]).await;
        assert!(
            matches!(error, ResolveError::NothingToResume { near: None }),
            "{error:?}"
        );
    }
    let fake = FakeTransport::new();
    let spec = builder().intent(Intent::ResumeOnly);
    let validated = among(&fake, spec, &[pipeline("pl_1", QUERY)]).await;
    fake.jobs("pl_1", job("Running"));
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_preview_is_neither_a_match_nor_another_pipeline() {
    let fake = FakeTransport::new();
    let preview = pipeline("pl_1", QUERY).with("preview", json!(true));
    let other_preview = pipeline("pl_2", "SELECT 1").with("preview", json!(true));
    let validated = among(&fake, builder(), &[preview, other_preview]).await;
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let _ = created(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_finished_pipeline_is_refused_and_a_new_run_gets_another_id() {
    let finished = [pipeline(spec_id(), QUERY)];
    let error = refusal(builder(), &finished, &[(&spec_id(), "Finished")]).await;
    assert!(matches!(error, ResolveError::Finished { .. }), "{error:?}");

    let mut ids = Vec::new();
    for _ in 0..2 {
        let fake = FakeTransport::new();
        let spec = builder().when_finished(WhenFinished::NewRun);
        let validated = among(&fake, spec, &finished).await;
        fake.jobs(spec_id(), job("Finished"));
        let Plan::Create { id: Some(id), .. } = validated.plan().await.unwrap() else {
            panic!("no create is planned");
        };
        assert_ne!(id.as_str(), spec_id());
        fake.list(&finished);
        fake.jobs(spec_id(), job("Finished"));
        fake.expect(Method::PUT, path(id.as_str()))
            .reply_json(200, &pipeline(id.as_str(), QUERY));
        let _ = created(validated.resolve().await.unwrap());
        ids.push(id);
    }
    // Two orchestrators that start a new run at the same time choose the same id.
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test(start_paused = true)]
async fn other_functions_are_refused_unless_that_is_allowed_and_then_reported() {
    let there = [pipeline("pl_1", QUERY).with(
        "udfs",
        json!([{"definition": "fn old() {}", "language": "rust"}]),
    )];
    let with_udf = || builder().udf(Udf::rust("fn new() {}"));
    let error = refusal(with_udf(), &there, &[("pl_1", "Stopped")]).await;
    assert!(
        matches!(error, ResolveError::UdfsDiffer { .. }),
        "{error:?}"
    );

    let fake = FakeTransport::new();
    let spec = with_udf().when_udfs_differ(WhenUdfsDiffer::Allow);
    let validated = among(&fake, spec, &there).await;
    fake.jobs("pl_1", job("Running"));
    let resumed = resumed(validated.resolve().await.unwrap());
    assert_eq!(resumed.differences(), [Difference::Udfs]);
}

#[tokio::test(start_paused = true)]
async fn a_match_on_a_later_page_is_found() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    let row = |number: u64| {
        let query = if number == 23 {
            QUERY.to_owned()
        } else {
            format!("SELECT {number}")
        };
        pipeline(format!("pl_{number}"), &query).with("created_at", json!(T0 - number * 1_000_000))
    };
    let rows: Vec<_> = (1..=25).map(row).collect();
    // The server returns at most ten per page. The cursor skips rows of its own moment, so it is the last row before those, and one row
    // repeats.
    for (page, more) in [(0..10, true), (9..19, true), (18..25, false)] {
        fake.expect(Method::GET, LIST)
            .reply_json(200, &json!({"data": rows[page], "hasMore": more}));
    }
    fake.jobs("pl_23", job("Running"));
    assert_eq!(
        resumed(validated.resolve().await.unwrap()).id().as_str(),
        "pl_23"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_does_not_end_creates_nothing() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.expect(Method::GET, LIST)
        .reply_json(200, &json!({"data": [], "hasMore": true}));
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
    assert_eq!(creates(&fake), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_creates_nothing() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.expect(Method::GET, LIST).reply(502, "").always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::Unanswered { .. }),
        "{error:?}"
    );
    assert!(Error::from(error).is_retryable());
    assert!(!validated.has_create_in_doubt());

    let fake = FakeTransport::new();
    let validated = validated_with(fake.clone(), &fake, spec(), options()).await;
    fake.expect(Method::GET, LIST)
        .reply(StatusCode::FORBIDDEN.as_u16(), "");
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_match_that_is_deleted_meanwhile_is_no_match() {
    // The id is free again. With another id, a client that has not listed the pipeline would create a second one.
    for id in ["pl_1", spec_id().as_str()] {
        let fake = FakeTransport::new();
        let validated = among(&fake, builder(), &[pipeline(id, QUERY)]).await;
        fake.expect(Method::GET, jobs_path(id))
            .reply_json(404, &json!({"error": "Pipeline not found"}));
        fake.list(&[]);
        fake.expect(Method::PUT, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
        let _ = created(validated.resolve().await.unwrap());
    }
}

/// A match counts as deleted only after ten seconds, because a node can lag that far behind.
#[tokio::test(start_paused = true)]
async fn a_match_whose_job_is_missed_for_less_than_it_takes_is_not_made_anew() {
    let fake = FakeTransport::any_order();
    let short = options().with_resolve_timeout(seconds(4));
    let spec = builder().force(true).build().unwrap();
    let validated = validated_with(fake.clone(), &fake, spec, short).await;
    fake.expect(Method::GET, LIST)
        .reply_json(
            200,
            &json!({"data": [pipeline("pl_1", QUERY)], "hasMore": false}),
        )
        .always();
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(Error::from(error).is_retryable());
    assert_eq!(creates(&fake), 0);
}

mod properties;

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use stepwell_arroyo::{
    Job, JobId, JobState, Pipeline, PipelineGraph, PipelineId, PipelineNode, PipelineRow, StopMode,
    Udf,
};

use super::{
    decide::by_list::{Listing, Relation},
    *,
};
use crate::spec::{CheckpointInterval, Identity, PipelineSpecBuilder, WhenFinished};

const QUERY: &str = "SELECT 1";

fn builder() -> PipelineSpecBuilder {
    PipelineSpec::builder(QUERY).name("orders")
}

fn pipeline(id: &str, query: &str) -> Pipeline {
    Pipeline::new(PipelineId::from_server(id), "orders", query, 1)
}

fn job(state: JobState) -> Job {
    let pipeline = PipelineId::from_server("pl_1");
    let mut job = Job::new(JobId::from_server("job_1"), pipeline, 1);
    job.state = state;
    job
}

/// The decision about these pipelines, each with the state of its job if it is a match and has one.
fn decide(
    spec: PipelineSpecBuilder,
    pipelines: &[(Pipeline, Option<JobState>)],
) -> Result<Decision, ResolveError> {
    decide_for(&spec.build().unwrap(), pipelines)
}

fn decide_for(
    spec: &PipelineSpec,
    pipelines: &[(Pipeline, Option<JobState>)],
) -> Result<Decision, ResolveError> {
    decide_on(true, spec, pipelines)
}

fn decide_on(
    names_others: bool,
    spec: &PipelineSpec,
    pipelines: &[(Pipeline, Option<JobState>)],
) -> Result<Decision, ResolveError> {
    let rows = pipelines.iter().map(|(pipeline, _)| {
        let json = serde_json::to_string(pipeline).unwrap();
        let row: PipelineRow<'_> = serde_json::from_str(&json).unwrap();
        let bearing = Relation::of(&row, spec, names_others, true, |row| {
            *row.id.as_str() == *"pl_ours"
        });
        (pipeline.id.clone(), bearing.unwrap())
    });
    let (matches, rest) = Listing::new(rows).matches(spec)?;
    let with_jobs = matches.into_iter().map(|found| {
        let state = pipelines
            .iter()
            .find(|(pipeline, _)| pipeline.id == found.id);
        let state = state.and_then(|(_, state)| state.clone());
        (found, state.map(|state| Box::new(job(state))))
    });
    rest.decide(spec, with_jobs.collect())
}

fn created_id(decision: Decision) -> Option<String> {
    match decision {
        Decision::Create { id, .. } => id.map(|id| id.as_str().to_owned()),
        Decision::CreateById(id) => panic!("{id} is created without the list"),
        Decision::Resume { pipeline, .. } => panic!("{} is resumed", pipeline.id),
    }
}

fn resumed_id(decision: &Decision) -> &str {
    match decision {
        Decision::Resume { pipeline, .. } => pipeline.id.as_str(),
        Decision::Create { .. } | Decision::CreateById(_) => panic!("one is created"),
    }
}

#[test]
fn an_empty_server_gets_the_pipeline_under_the_id_that_was_asked_for() {
    let of_spec = PipelineId::for_spec("", "orders", QUERY);
    let namespaced = PipelineId::for_spec("eu", "orders", QUERY);
    for (identity, wanted) in [
        (Identity::default(), Some(of_spec.as_str())),
        (
            Identity::FromSpec {
                namespace: "eu".to_owned(),
            },
            Some(namespaced.as_str()),
        ),
        (
            Identity::Given(PipelineId::new("mine").unwrap()),
            Some("mine"),
        ),
        (Identity::ServerAssigned, None),
    ] {
        let decision = decide(builder().identity(identity), &[]).unwrap();
        assert_eq!(created_id(decision).as_deref(), wanted);
    }
}

#[test]
fn only_the_exact_query_is_a_match() {
    for query in ["SELECT 1\n", "select 1", "SELECT  1", "SELECT 1;"] {
        let error = decide(builder(), &[(pipeline("pl_1", query), None)]).unwrap_err();
        assert!(
            matches!(error, ResolveError::OtherPipelines { .. }),
            "{query:?}: {error}"
        );
    }
    let decision = decide(builder(), &[(pipeline("pl_1", QUERY), None)]).unwrap();
    assert_eq!(resumed_id(&decision), "pl_1");
    // The name is a label.
    let mut renamed = pipeline("pl_1", QUERY);
    renamed.name = "another".to_owned();
    let decision = decide(builder(), &[(renamed, Some(JobState::Running))]).unwrap();
    assert_eq!(resumed_id(&decision), "pl_1");
}

#[test]
fn the_same_query_under_another_id_than_was_given_is_named() {
    let given = builder().identity(Identity::Given(PipelineId::new("mine").unwrap()));
    let error = decide(given, &[(pipeline("pl_1", QUERY), None)]).unwrap_err();
    assert!(
        matches!(&error, ResolveError::OtherPipelines { near: Some(near), .. } if near.id.as_str() == "pl_1"),
        "{error}"
    );
}

#[test]
fn what_was_made_under_the_same_shutdown_is_no_other_pipeline_but_may_be_the_match() {
    let decision = decide(builder(), &[(pipeline("pl_ours", "SELECT 2"), None)]).unwrap();
    assert!(created_id(decision).is_some());
    let decision = decide(builder(), &[(pipeline("pl_ours", QUERY), None)]).unwrap();
    assert_eq!(resumed_id(&decision), "pl_ours");
}

#[test]
fn a_finished_one_is_not_resumed_and_others_beside_it_need_no_force() {
    let there = [
        (pipeline("pl_1", QUERY), Some(JobState::Finished)),
        (pipeline("pl_2", "SELECT 2"), None),
    ];
    let error = decide(builder(), &there).unwrap_err();
    assert!(matches!(error, ResolveError::Finished { .. }), "{error}");
    let new_run = || builder().when_finished(WhenFinished::NewRun);
    assert!(created_id(decide(new_run(), &there).unwrap()).is_some());
    let decision = decide(new_run().intent(Intent::CreateOnly), &there).unwrap();
    assert!(created_id(decision).is_some());
    let resume_only = builder().intent(Intent::ResumeOnly);
    let error = decide(resume_only, &there).unwrap_err();
    assert!(matches!(error, ResolveError::Finished { .. }), "{error}");
    // A new run is a pipeline that is created, and these intents create none.
    for intent in [
        Intent::ResumeOnly,
        Intent::Resume(PipelineId::from_server("pl_1")),
    ] {
        let error = decide(new_run().intent(intent), &there).unwrap_err();
        assert!(matches!(error, ResolveError::Finished { .. }), "{error}");
    }
}

#[test]
fn each_new_run_gets_the_next_id_of_a_fixed_row() {
    let new_run = || builder().when_finished(WhenFinished::NewRun);
    let mut there = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = created_id(decide(new_run(), &there).unwrap()).unwrap();
        there.push((pipeline(&id, QUERY), Some(JobState::Finished)));
        ids.push(id);
    }
    assert_eq!(ids[0], PipelineId::for_spec("", "orders", QUERY).as_str());
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[test]
fn a_given_id_has_no_new_run() {
    let spec = builder()
        .identity(Identity::Given(PipelineId::new("mine").unwrap()))
        .when_finished(WhenFinished::NewRun);
    let error = decide(spec, &[(pipeline("mine", QUERY), Some(JobState::Finished))]).unwrap_err();
    assert!(
        matches!(&error, ResolveError::Finished { finished } if finished.id.as_str() == "mine"),
        "{error}"
    );
}

#[test]
fn an_id_that_a_preview_has_is_not_free() {
    let id = PipelineId::for_spec("", "orders", QUERY);
    let mut preview = pipeline(id.as_str(), QUERY);
    preview.preview = true;
    let created = created_id(decide(builder(), &[(preview, None)]).unwrap()).unwrap();
    assert_ne!(created, id.as_str());
}

#[test]
fn an_error_lists_ten_pipelines_and_counts_the_rest() {
    let others: Vec<_> = (0..12)
        .map(|number| (pipeline(&format!("pl_{number}"), "SELECT 2"), None))
        .collect();
    let text = decide(builder(), &others).unwrap_err().to_string();
    assert!(
        text.contains("12 other pipelines") && text.contains("and 2 more"),
        "{text}"
    );
    assert!(
        text.contains("(pl_9)") && !text.contains("(pl_10)"),
        "{text}"
    );
}

fn with_graph(parallelism: u32) -> Pipeline {
    let mut pipeline = pipeline("pl_1", QUERY);
    let node = |id, parallelism| PipelineNode::new(id, "impulse", "Impulse", parallelism);
    pipeline.graph = PipelineGraph::new(vec![node(0, parallelism), node(1, 1)], Vec::new());
    pipeline
}

#[test]
fn a_pipeline_without_a_job_is_told_to_run_only_if_it_is_told_otherwise() {
    let spec = builder().build().unwrap();
    let mut pipeline = pipeline("pl_1", QUERY);
    assert!(
        ResumePlan::of(spec.parallelism(), &pipeline, None)
            .requests()
            .is_empty()
    );
    pipeline.stop = StopMode::Immediate;
    assert_eq!(
        ResumePlan::of(spec.parallelism(), &pipeline, None).requests(),
        [PlannedRequest::Start]
    );
}

#[test]
fn a_parallelism_is_set_only_where_it_was_asked_for_and_differs() {
    let two = NonZeroU32::new(2).unwrap();
    let asked = builder().parallelism(two).build().unwrap();
    let running = job(JobState::Running);
    for (spec, has, wanted) in [
        (&asked, 1, vec![PlannedRequest::Parallelism { to: two }]),
        (&asked, 2, vec![]),
        (&builder().build().unwrap(), 4, vec![]),
    ] {
        let requests =
            ResumePlan::of(spec.parallelism(), &with_graph(has), Some(&running)).requests();
        assert_eq!(requests, wanted);
    }
}

#[test]
fn what_comes_to_an_end_is_only_awaited() {
    let spec = builder()
        .parallelism(NonZeroU32::new(4).unwrap())
        .build()
        .unwrap();
    for state in [JobState::Finishing, JobState::Failing] {
        let requests =
            ResumePlan::of(spec.parallelism(), &with_graph(1), Some(&job(state))).requests();
        assert_eq!(requests, [PlannedRequest::AwaitEnd]);
    }
}

#[test]
fn a_pipeline_that_is_as_the_spec_asks_does_not_differ() {
    let mut there = with_graph(2);
    there.udfs = vec![Udf::rust("fn f() {}")];
    there.tags = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    let mut job = job(JobState::Running);
    job.env_vars = BTreeMap::from([("KEY".to_owned(), "value".to_owned())]);
    job.scheduler_config = serde_json::json!({"a": 1});
    let spec = builder()
        .parallelism(NonZeroU32::new(2).unwrap())
        .udf(Udf::rust("fn f() {}"))
        .checkpoint_interval(CheckpointInterval::new(Duration::from_secs(10)).unwrap())
        .tag("team", "a")
        .environment("KEY", "value")
        .scheduler_config(serde_json::json!({"a": 1}))
        .build()
        .unwrap();
    assert_eq!(differences(&spec, &there, Some(&job)), []);
    // What the spec leaves open is not compared, except functions: the server would run them.
    let least = builder().build().unwrap();
    assert_eq!(differences(&least, &there, Some(&job)), [Difference::Udfs]);
}

#[test]
fn everything_that_differs_is_named() {
    let spec = builder()
        .name("renamed")
        .parallelism(NonZeroU32::new(4).unwrap())
        .udf(Udf::python("def f(): pass"))
        .checkpoint_interval(CheckpointInterval::new(Duration::from_secs(30)).unwrap())
        .tag("team", "a")
        .environment("KEY", "value")
        .scheduler_config(serde_json::json!({"a": 1}))
        .build()
        .unwrap();
    let found = differences(&spec, &with_graph(2), Some(&job(JobState::Running)));
    let words: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "its name is \"orders\"",
            "its parallelism is 2, not 4",
            "its UDFs differ; the server runs the old code",
            "its checkpoint interval is 10000000 µs, not 30000000 µs",
            "its tags differ, or the server ignores tags",
            "its environment differs, or the server ignores it",
            "its scheduler configuration differs, or the server ignores it",
        ]
    );
    // Without a job, what only the job shows is not compared.
    assert_eq!(differences(&spec, &with_graph(2), None).len(), 5);
}

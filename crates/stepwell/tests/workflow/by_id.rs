//! Finding the pipeline by its id, without the list.

use serde_json::{Value, json};
use stepwell::{
    JobState,
    error::ResolveError,
    spec::{FindBy, Identity, Intent, PipelineSpecBuilder, WhenFinished},
    state::Plan,
    transport::{FakeTransport, SharedTransport, http::Method},
};

use crate::{find, support::*};

pub(crate) fn builder() -> PipelineSpecBuilder {
    find::builder().find_by(FindBy::Id)
}

pub(crate) fn forced() -> PipelineSpecBuilder {
    builder().force(true)
}

fn new_run() -> PipelineSpecBuilder {
    forced().when_finished(WhenFinished::NewRun)
}

/// The id of a run of the spec, as `plan` returns it when the earlier runs have finished.
async fn id_of_run(run: usize) -> String {
    let fake = FakeTransport::new();
    let spec = find::builder().when_finished(WhenFinished::NewRun);
    let mut there = Vec::new();
    for _ in 0..run {
        let id = Box::pin(next_id(&fake, spec.clone(), &there)).await;
        there.push(pipeline(&id, QUERY));
    }
    next_id(&fake, spec, &there).await
}

async fn next_id(fake: &FakeTransport, spec: PipelineSpecBuilder, there: &[Value]) -> String {
    let validated = find::among(fake, spec, there).await;
    for pipeline in there {
        fake.jobs(pipeline["id"].as_str().unwrap(), job("Finished"));
    }
    match validated.plan().await.unwrap() {
        Plan::Create { id: Some(id), .. } => id.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The usual requests when a pipeline is looked up by its id.
pub(crate) trait Look {
    fn there(&self, id: impl AsRef<str>, state: &str);
    fn newest(&self, limit: u32, rows: &[Value], more: bool);
    fn put(&self, id: impl AsRef<str>);
}

impl Look for FakeTransport {
    #[track_caller]
    fn there(&self, id: impl AsRef<str>, state: &str) {
        self.expect(Method::GET, path(&id))
            .reply_json(200, &pipeline(&id, QUERY));
        self.jobs(id, job(state));
    }

    #[track_caller]
    fn newest(&self, limit: u32, rows: &[Value], more: bool) {
        self.expect(Method::GET, format!("/api/v1/pipelines?limit={limit}"))
            .reply_json(200, &json!({"data": rows, "hasMore": more}));
    }

    #[track_caller]
    fn put(&self, id: impl AsRef<str>) {
        self.expect(Method::PUT, path(&id))
            .reply_json(200, &pipeline(id, QUERY));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_there_is_resumed_without_the_list() {
    let resume = builder().intent(Intent::Resume(id("mine")));
    let given = builder().identity(Identity::Given(id("mine")));
    for (spec, id) in [
        (builder(), spec_id()),
        (resume, "mine".to_owned()),
        (given, "mine".to_owned()),
        (builder().intent(Intent::ResumeOnly), spec_id()),
    ] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec.build().unwrap()).await;
        fake.there(&id, "Running");
        let Plan::Resume {
            pipeline, state, ..
        } = validated.plan().await.unwrap()
        else {
            panic!("no resume is planned");
        };
        assert_eq!(pipeline.id.as_str(), id);
        assert_eq!(state, Some(JobState::Running));
        fake.there(&id, "Running");
        let resumed = resumed(validated.resolve().await.unwrap());
        assert_eq!(resumed.id().as_str(), id);
        assert!(!resumed.is_adopted());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_there_is_created_by_two_requests() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, forced().build().unwrap()).await;
    fake.not_there(spec_id());
    let planned = validated.plan().await.unwrap();
    let wanted = Plan::Create {
        id: Some(id(&spec_id())),
        forced_past: Vec::new(),
        near: None,
    };
    assert_eq!(planned, wanted);
    fake.not_there(spec_id());
    fake.put(spec_id());
    let created = created(validated.resolve().await.unwrap());
    assert_eq!(created.id().as_str(), spec_id());
}

#[tokio::test(start_paused = true)]
async fn one_that_failed_is_restarted() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, builder().build().unwrap()).await;
    fake.there(spec_id(), "Failed");
    fake.expect(Method::POST, format!("{}/restart", path(spec_id())))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn another_query_under_the_id_is_a_conflict() {
    for intent in [Intent::ResumeOrCreate, Intent::ResumeOnly] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, forced().intent(intent).build().unwrap()).await;
        fake.expect(Method::GET, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), "SELECT 2"));
        let (error, _) = resolve_error(validated.resolve().await);
        assert!(matches!(error, ResolveError::Conflict { .. }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_only_creates_is_told_what_is_there() {
    for state in ["Running", "Finished"] {
        let fake = FakeTransport::new();
        let spec = forced().intent(Intent::CreateOnly);
        let validated = validated(&fake, spec.build().unwrap()).await;
        fake.there(spec_id(), state);
        if state == "Finished" {
            fake.not_there(id_of_run(1).await);
        }
        let (error, _) = resolve_error(validated.resolve().await);
        assert!(
            matches!(error, ResolveError::AlreadyExists { .. }),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn only_to_resume_needs_no_list_where_the_id_is_known_to_decide() {
    let only_resumes = || builder().intent(Intent::ResumeOnly);
    let resume = builder().intent(Intent::Resume(id("mine")));
    let fake = FakeTransport::new();
    let validated_first = validated(&fake, resume.build().unwrap()).await;
    fake.not_there("mine");
    let (error, _) = resolve_error(validated_first.resolve().await);
    assert!(
        matches!(error, ResolveError::NothingToResume { near: None }),
        "{error:?}"
    );

    let given = only_resumes().identity(Identity::Given(id("mine")));
    for (spec, wanted) in [(only_resumes(), spec_id()), (given, "mine".to_owned())] {
        let spec = spec.build().unwrap();
        // A successful `PUT` shows that the server accepts ids.
        let fake = FakeTransport::new();
        let transport = SharedTransport::new(fake.clone());
        let first = validated_with(
            transport.clone(),
            &fake,
            forced().build().unwrap(),
            options(),
        );
        let first = first.await;
        fake.not_there(spec_id());
        fake.put(spec_id());
        let _ = created(first.resolve().await.unwrap());
        let second = validated_with(transport, &fake, spec.clone(), options()).await;
        fake.not_there(&wanted);
        let (error, _) = resolve_error(second.resolve().await);
        assert!(
            matches!(error, ResolveError::NothingToResume { near: None }),
            "{error:?}"
        );

        // So does a pipeline that another client has put.
        let third = validated(&fake, spec).await;
        fake.not_there(&wanted);
        fake.newest(
            10,
            &[pipeline("pl_1", QUERY), pipeline("sw_other", "SELECT 2")],
            true,
        );
        let (error, _) = resolve_error(third.resolve().await);
        assert!(
            matches!(error, ResolveError::NothingToResume { near: None }),
            "{error:?}"
        );
        // A pipeline with the query exists.
        let text = error.to_string();
        assert!(
            text.contains("or the id") && text.contains("find it by its query"),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn only_to_resume_asks_the_list_where_the_server_may_choose_ids() {
    let given = builder().identity(Identity::Given(id("mine")));
    for (spec, wanted) in [(builder(), spec_id()), (given, "mine".to_owned())] {
        let is_given = wanted == "mine";
        let fake = FakeTransport::new();
        let spec = spec.intent(Intent::ResumeOnly).build().unwrap();
        let validated = validated(&fake, spec).await;
        fake.not_there(wanted);
        fake.newest(10, &[pipeline("pl_1", QUERY)], false);
        // Once for the id, and once more as if the server had chosen it.
        for _ in 0..=usize::from(is_given) {
            fake.list(&[pipeline("pl_1", QUERY)]);
        }
        fake.jobs("pl_1", job("Running"));
        assert_eq!(
            resumed(validated.resolve().await.unwrap()).id().as_str(),
            "pl_1"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_one_is_refused_and_a_run_that_followed_it_is_found() {
    let next = id_of_run(1).await;
    let fake = FakeTransport::new();
    let refuses = validated(&fake, builder().build().unwrap()).await;
    fake.there(spec_id(), "Finished");
    fake.not_there(&next);
    let (error, refuses) = resolve_error(refuses.resolve().await);
    assert!(matches!(error, ResolveError::Finished { .. }), "{error:?}");
    fake.there(spec_id(), "Finished");
    fake.there(&next, "Running");
    let resumed = resumed(refuses.resolve().await.unwrap());
    assert_eq!(resumed.id().as_str(), next);
}

#[tokio::test(start_paused = true)]
async fn a_new_run_gets_the_first_id_that_is_free_and_is_not_begun_beside_one_that_is_alive() {
    let mut ids = Vec::new();
    for run in 0..16 {
        ids.push(id_of_run(run).await);
    }
    // One run that has finished, and no other.
    let fake = FakeTransport::new();
    let spec = new_run().force(false).build().unwrap();
    let validated_once = validated(&fake, spec).await;
    fake.there(&ids[0], "Finished");
    for id in &ids[1..] {
        fake.not_there(id);
    }
    fake.put(&ids[1]);
    let created = created(validated_once.resolve().await.unwrap());
    assert_eq!(created.id().as_str(), ids[1]);

    // The earlier runs were deleted.
    let fake = FakeTransport::new();
    let validated_again = validated(&fake, new_run().build().unwrap()).await;
    for id in &ids[..5] {
        fake.not_there(id);
    }
    fake.there(&ids[5], "Running");
    let resumed = resumed(validated_again.resolve().await.unwrap());
    assert_eq!(resumed.id().as_str(), ids[5]);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_longer_is_left_to_the_list() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, new_run().build().unwrap()).await;
    let mut there = Vec::new();
    for run in 0..16 {
        let id = id_of_run(run).await;
        fake.there(&id, "Finished");
        there.push(pipeline(&id, QUERY));
    }
    fake.list(&there);
    for pipeline in &there {
        fake.jobs(pipeline["id"].as_str().unwrap(), job("Finished"));
    }
    let next = id_of_run(16).await;
    fake.put(&next);
    assert_eq!(
        created(validated.resolve().await.unwrap()).id().as_str(),
        next
    );
}

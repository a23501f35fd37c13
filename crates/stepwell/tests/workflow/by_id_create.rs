//! Creating a pipeline that was not found by its id, on servers that accept ids, that do not, and that give no indication.

use serde_json::json;
use stepwell::{
    PipelineId, StopPolicy,
    error::ResolveError,
    observe::Difference,
    spec::{Identity, Intent},
    state::Plan,
    transport::{FakeTransport, SharedTransport, http::Method},
};

use crate::{
    by_id::{Look, builder, forced},
    find,
    support::*,
};

#[tokio::test(start_paused = true)]
async fn no_post_follows_a_decision_without_the_list() {
    for there in [false, true] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, forced().build().unwrap()).await;
        fake.not_there(spec_id());
        fake.expect(Method::PUT, path(spec_id())).reply(405, "");
        // Before the `POST`, the list must show which pipelines exist: here the same one under an id of the server's.
        if there {
            fake.list(&[pipeline("pl_1", QUERY)]);
            fake.jobs("pl_1", job("Running"));
            let resumed = resumed(validated.resolve().await.unwrap());
            assert_eq!(resumed.id().as_str(), "pl_1");
            assert!(!resumed.is_adopted());
            let report = resumed.shutdown().stop_all(StopPolicy::default()).await;
            assert!(report.unwrap().to_string().contains("was left as it is"));
        } else {
            fake.list(&[]);
            fake.expect(Method::POST, PIPELINES).lost();
            fake.list(&[pipeline("pl_new", QUERY)]);
            fake.jobs("pl_new", job("Running"));
            let resumed = resumed(validated.resolve().await.unwrap());
            assert_eq!(resumed.id().as_str(), "pl_new");
            assert!(resumed.is_adopted());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_known_to_choose_ids_is_asked_for_its_list_at_once() {
    let fake = FakeTransport::new();
    let transport = SharedTransport::new(fake.clone());
    for known in [false, true] {
        let spec = forced().build().unwrap();
        let validated = validated_with(transport.clone(), &fake, spec, options()).await;
        if !known {
            fake.not_there(spec_id());
            fake.expect(Method::PUT, path(spec_id())).reply(405, "");
        }
        fake.list(&[pipeline("pl_1", QUERY)]);
        fake.jobs("pl_1", job("Running"));
        let _ = resumed(validated.resolve().await.unwrap());
    }
    // A given id can still be looked up without the list, but a create needs the list.
    let spec = forced().identity(Identity::Given(id("mine")));
    let validated = validated_with(transport, &fake, spec.build().unwrap(), options()).await;
    fake.not_there("mine");
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES)
        .reply_json(200, &pipeline("pl_2", QUERY));
    let _ = created(validated.resolve().await.unwrap());
}

/// An old node next to new ones, or a proxy that was configured wrongly for a while.
#[tokio::test(start_paused = true)]
async fn that_put_is_missing_is_forgotten_after_minutes() {
    let fake = FakeTransport::new();
    let transport = SharedTransport::new(fake.clone());
    for first in [true, false] {
        let spec = forced().build().unwrap();
        let validated = validated_with(transport.clone(), &fake, spec, options()).await;
        fake.not_there(spec_id());
        if first {
            fake.expect(Method::PUT, path(spec_id())).reply(405, "");
            fake.list(&[pipeline("pl_1", QUERY)]);
            fake.jobs("pl_1", job("Running"));
            let _ = resumed(validated.resolve().await.unwrap());
            tokio::time::sleep(seconds(10 * 60)).await;
        } else {
            fake.put(spec_id());
            let _ = created(validated.resolve().await.unwrap());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_of_another_name_is_not_taken_for_its_query_where_ids_decide() {
    let fake = FakeTransport::new();
    let transport = SharedTransport::new(fake.clone());
    let theirs = PipelineId::for_spec("theirs", "other", QUERY);
    let there = [
        pipeline("pl_1", QUERY),
        pipeline(theirs.as_str(), QUERY).with("name", json!("other")),
    ];
    let made = pipeline("pl_2", QUERY).with("name", json!("other"));
    for known in [false, true] {
        let spec = forced().name("other").build().unwrap();
        let validated = validated_with(transport.clone(), &fake, spec, options()).await;
        let id = PipelineId::for_spec("", "other", QUERY);
        if !known {
            fake.not_there(id.as_str());
            fake.expect(Method::PUT, path(id.as_str())).reply(405, "");
        }
        fake.list(&there);
        fake.expect(Method::POST, PIPELINES).reply_json(200, &made);
        let created = created(validated.resolve().await.unwrap());
        assert_eq!(created.id().as_str(), "pl_2");
    }
}

/// Where the server assigns ids, the query and the name stand for the one that was given.
#[tokio::test(start_paused = true)]
async fn a_given_id_creates_no_second_pipeline_where_the_server_chooses_ids() {
    let by_list = find::builder().force(true);
    for (reads_id, spec) in [(false, by_list), (true, forced())] {
        let spec = spec.identity(Identity::Given(id("mine"))).build().unwrap();
        let fake = FakeTransport::new();
        let transport = SharedTransport::new(fake.clone());
        let there = [pipeline("pl_1", QUERY)];
        for known in [false, true] {
            let setup = options();
            let validated = validated_with(transport.clone(), &fake, spec.clone(), setup).await;
            if reads_id {
                fake.not_there("mine");
            } else if !known {
                fake.list(&there);
            }
            if !known {
                fake.expect(Method::PUT, path("mine")).reply(405, "");
                if reads_id {
                    fake.not_there("mine");
                }
            }
            fake.list(&there);
            fake.jobs("pl_1", job("Running"));
            let resumed = resumed(validated.resolve().await.unwrap());
            assert_eq!(resumed.id().as_str(), "pl_1");
            let differences = resumed.differences();
            assert!(
                matches!(differences, [Difference::Id { .. }]),
                "{differences:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_in_doubt_is_never_followed_by_a_post_nor_by_the_list() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, forced().build().unwrap()).await;
    fake.not_there(spec_id());
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.not_there(spec_id());
    // An old node next to the one that may have accepted the id.
    fake.expect(Method::PUT, path(spec_id())).reply(405, "");
    fake.not_there(spec_id()).always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    assert!(validated.has_create_in_doubt());
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::StillUnknown { .. }),
        "{error:?}"
    );
    assert_eq!(
        validated.plan().await.unwrap(),
        Plan::Settle {
            id: Some(id(&spec_id()))
        }
    );
    assert_eq!(creates(&fake), 2);
}

#[tokio::test(start_paused = true)]
async fn a_put_whose_reply_is_lost_is_looked_for_and_adopted() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, forced().build().unwrap()).await;
    fake.not_there(spec_id());
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.there(spec_id(), "Scheduling");
    assert!(resumed(validated.resolve().await.unwrap()).is_adopted());
}

#[tokio::test(start_paused = true)]
async fn one_that_a_node_does_not_know_yet_or_a_rival_makes_is_taken_from_the_refusal_of_the_put() {
    for intent in [Intent::ResumeOrCreate, Intent::CreateOnly] {
        let fake = FakeTransport::new();
        let spec = forced().intent(intent.clone()).build().unwrap();
        let validated = validated(&fake, spec).await;
        fake.not_there(spec_id());
        fake.expect(Method::PUT, path(spec_id()))
            .reply_json(400, &json!({"error": "duplicate"}));
        fake.not_there(spec_id());
        fake.expect(Method::GET, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
        if intent == Intent::CreateOnly {
            let (error, _) = resolve_error(validated.resolve().await);
            assert!(
                matches!(error, ResolveError::AlreadyExists { .. }),
                "{error:?}"
            );
            continue;
        }
        fake.jobs(spec_id(), job("Running"));
        let resumed = resumed(validated.resolve().await.unwrap());
        assert!(resumed.is_adopted());
        // Another client created it, so the shutdown leaves it.
        let report = resumed.shutdown().stop_all(StopPolicy::default()).await;
        assert!(report.unwrap().to_string().contains("was left as it is"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_without_a_job_is_a_burnt_id_here_too() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, forced().build().unwrap()).await;
    fake.not_there(spec_id());
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(400, &json!({"error": "duplicate"}));
    fake.not_there(spec_id()).always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Burnt { .. }), "{error:?}");
    assert!(!validated.has_create_in_doubt());
    assert_eq!(creates(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn the_404_of_a_gateway_does_not_say_that_it_is_not_there() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, forced().build().unwrap()).await;
    let gateway = fake
        .expect(Method::GET, path(spec_id()))
        .reply(404, "<html>no backend</html>")
        .always();
    let (error, again) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
    assert_eq!(creates(&fake), 0);
    drop((gateway, again));

    let fake = FakeTransport::new();
    let validated = validated_with(fake.clone(), &fake, forced().build().unwrap(), options());
    let validated = validated.await;
    fake.expect(Method::GET, path(spec_id()))
        .reply(404, "<html>no backend</html>")
        .times(2);
    fake.there(spec_id(), "Running");
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn one_without_a_job_is_looked_at_again_until_both_answers_agree() {
    let gone = |fake: &FakeTransport| {
        fake.expect(Method::GET, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
        fake.expect(Method::GET, jobs_path(spec_id()))
            .reply_json(404, &json!({"error": "Pipeline not found"}));
    };
    // Either a node lags behind, or the pipeline was deleted.
    for deleted in [false, true] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, forced().build().unwrap()).await;
        gone(&fake);
        if deleted {
            fake.not_there(spec_id());
            fake.put(spec_id());
            let _ = created(validated.resolve().await.unwrap());
        } else {
            gone(&fake);
            fake.there(spec_id(), "Running");
            let _ = resumed(validated.resolve().await.unwrap());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_preview_under_the_id_is_left_to_the_list() {
    let fake = FakeTransport::new();
    let spec = builder()
        .intent(Intent::Resume(id("pl_1")))
        .build()
        .unwrap();
    let validated = validated(&fake, spec).await;
    let preview = pipeline("pl_1", QUERY).with("preview", json!(true));
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &preview);
    fake.list(&[preview]);
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::NothingToResume { .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_not_answered_creates_nothing() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, forced().build().unwrap()).await;
    fake.expect(Method::GET, path(spec_id()))
        .reply(502, "")
        .always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::Unanswered { .. }),
        "{error:?}"
    );
    assert!(!validated.has_create_in_doubt());
    assert_eq!(creates(&fake), 0);
}

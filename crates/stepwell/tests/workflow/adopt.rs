//! A pipeline that is adopted after its create: its first run is the one that counts, whatever has happened to it meanwhile.

use serde_json::json;
use stepwell::{
    Error, Outcome, PipelineId, PipelineSpec, StopPolicy,
    error::{ResolveError, WaitError},
    spec::{Intent, WhenFinished},
    transport::{FakeTransport, http::Method},
};

use crate::{create_post, support::*};

fn new_runs() -> PipelineSpec {
    PipelineSpec::builder(QUERY)
        .name("orders")
        .when_finished(WhenFinished::NewRun)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_finite_job_that_is_over_before_its_create_is_found_is_not_created_again() {
    for first_seen in ["Running", "Finishing", "Finished"] {
        for rival in [false, true] {
            let fake = FakeTransport::new();
            fake.ping();
            fake.validation();
            fake.list(&[]);
            if rival {
                fake.expect(Method::PUT, path(spec_id()))
                    .reply_json(400, &json!({"error": "duplicate"}));
            } else {
                fake.expect(Method::PUT, path(spec_id())).lost();
            }
            fake.expect(Method::GET, path(spec_id()))
                .reply_json(200, &pipeline(spec_id(), QUERY));
            fake.jobs(spec_id(), job(first_seen));
            fake.jobs(spec_id(), job("Finishing"));
            fake.jobs(spec_id(), job("Finished"));
            let outcome = submission(fake.clone(), new_runs()).run().await.unwrap();
            assert!(
                matches!(outcome, Outcome::Finished(_)),
                "{first_seen}, rival: {rival}: {outcome:?}"
            );
            assert_eq!(creates(&fake), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_failed_when_its_create_is_found_is_a_failure_and_is_not_restarted() {
    for first_seen in ["Failing", "Failed"] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path(spec_id())).lost();
        fake.expect(Method::GET, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
        fake.jobs(spec_id(), job(first_seen));
        let registered = resumed(validated.resolve().await.unwrap()).register();
        fake.jobs(spec_id(), job("Failed"));
        fake.expect(
            Method::GET,
            format!("{}/job_1/errors?", jobs_path(spec_id())),
        )
        .reply_json(200, &json!({"data": [], "hasMore": false}));
        let failure = registered.wait_until_running().await.unwrap_err();
        assert!(
            matches!(
                failure.error(),
                Error::Wait {
                    source: WaitError::Failed { .. }
                }
            ),
            "{failure:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn our_own_create_that_was_adopted_is_stopped_by_the_shutdown() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    let shutdown = validated.shutdown().clone();
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    fake.jobs(spec_id(), job("Scheduling"));
    let _ = resumed(validated.resolve().await.unwrap());
    expect_stop(&fake, &spec_id());
    let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
    assert_stopped(&report, &spec_id());
}

#[tokio::test(start_paused = true)]
async fn what_another_client_has_put_is_not_taken_for_a_post_of_ours() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    // An old and a new node share one address.
    fake.expect(Method::PUT, path(spec_id())).reply(405, "");
    fake.expect(Method::POST, PIPELINES).lost();
    fake.expect(Method::GET, LIST)
        .reply_json(
            200,
            &json!({"data": [pipeline(spec_id(), QUERY)], "hasMore": false}),
        )
        .always();
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    assert!(validated.has_create_in_doubt());
}

/// A server names what a `POST` makes `pl_…`; any other id was chosen by a client, here in another namespace.
#[tokio::test(start_paused = true)]
async fn an_id_that_only_a_client_can_have_chosen_is_not_that_of_a_post() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, create_post::server_assigned()).await;
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES).lost();
    let theirs = PipelineId::for_spec("theirs", "orders", QUERY);
    fake.list(&[pipeline(theirs.as_str(), QUERY)]);
    fake.list(&[pipeline("pl_ours", QUERY), pipeline(theirs.as_str(), QUERY)]);
    fake.jobs("pl_ours", job("Created"));
    let ours = resumed(validated.resolve().await.unwrap());
    assert_eq!(ours.id().as_str(), "pl_ours");
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn a_preview_under_the_chosen_id_is_a_conflict() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    fake.expect(Method::GET, path(spec_id())).reply_json(
        200,
        &pipeline(spec_id(), QUERY).with("preview", json!(true)),
    );
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Conflict { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn another_query_under_the_chosen_id_is_a_conflict_and_nothing_is_left_to_stop() {
    for lost in [false, true] {
        let fake = FakeTransport::new();
        let validated = validated(&fake, spec()).await;
        fake.list(&[]);
        let put = fake.expect(Method::PUT, path(spec_id()));
        let _ = if lost {
            put.lost()
        } else {
            put.reply_json(400, &json!({"error": "duplicate"}))
        };
        fake.expect(Method::GET, path(spec_id())).reply_json(
            200,
            &pipeline(spec_id(), "SELECT 2").with("name", json!("theirs")),
        );
        let (error, validated) = resolve_error(validated.resolve().await);
        assert!(
            matches!(&error, ResolveError::Conflict { name, .. } if name == "theirs"),
            "{error:?}"
        );
        assert!(!validated.has_create_in_doubt());
        let report = validated.shutdown().stop_all(StopPolicy::default()).await;
        assert!(report.unwrap().entries.is_empty());
    }
}

/// Deciding afresh would find it finished and create a second one.
#[tokio::test(start_paused = true)]
async fn a_create_that_was_found_and_not_taken_over_is_taken_over_by_the_next_try() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, new_runs()).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).lost();
    let found = || {
        fake.expect(Method::GET, path(spec_id()))
            .reply_json(200, &pipeline(spec_id(), QUERY));
    };
    found();
    fake.expect(Method::GET, jobs_path(spec_id()))
        .reply(403, "");
    let (error, validated) = resolve_error(validated.resolve().await);
    assert!(matches!(error, ResolveError::Rejected { .. }), "{error:?}");
    assert!(validated.has_create_in_doubt());

    found();
    fake.jobs(spec_id(), job("Finished"));
    let resumed = resumed(validated.resolve().await.unwrap());
    assert!(resumed.is_adopted());
    assert_eq!(creates(&fake), 1);
}

/// Three pipelines were found rather than created by a reply. The one whose reply was lost was created all the same.
#[tokio::test(start_paused = true)]
async fn one_that_was_created_and_found_again_is_told_from_what_was_there_and_from_a_rivals() {
    let lost = FakeTransport::new();
    let only = PipelineSpec::builder(QUERY)
        .name("orders")
        .intent(Intent::CreateOnly)
        .build()
        .unwrap();
    let creating = validated(&lost, only).await;
    lost.list(&[]);
    lost.expect(Method::PUT, path(spec_id())).lost();
    lost.expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    lost.jobs(spec_id(), job("Created"));
    let ours = resumed(creating.resolve().await.unwrap());
    assert!(ours.is_adopted() && ours.found_again());

    let refused = FakeTransport::new();
    let creating = validated(&refused, spec()).await;
    refused.list(&[]);
    refused.expect(Method::PUT, path(spec_id())).reply_json(
        400,
        &json!({"error": "A record already exists with that name or id"}),
    );
    refused
        .expect(Method::GET, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    refused.jobs(spec_id(), job("Created"));
    let rivals = resumed(creating.resolve().await.unwrap());
    assert!(rivals.is_adopted() && !rivals.found_again());

    let there = FakeTransport::new();
    let resuming = with_job(&there, spec(), "none", job("Running")).await;
    let found = resumed(resuming.resolve().await.unwrap());
    assert!(!found.is_adopted() && !found.found_again());
}

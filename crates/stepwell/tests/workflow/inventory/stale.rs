//! What the inventory knows and is no longer so decides nothing.

use serde_json::json;
use stepwell::transport::{FakeTransport, http::Method};

use super::*;
use crate::support::pipeline;

#[tokio::test(start_paused = true)]
async fn what_was_deleted_meanwhile_is_not_resumed_but_made() {
    let server = Server::with(1_000);
    let inventory = filled(&server).await;
    // Listed a moment ago: it may be a node that lags behind, until it is long enough ago.
    server.delete("pl_1");
    let begun = tokio::time::Instant::now();
    let _ = created(resolve(&inventory, numbered(1)).await);
    assert!((seconds(9)..seconds(12)).contains(&begun.elapsed()));

    server.delete("pl_2");
    let begun = tokio::time::Instant::now();
    let _ = created(resolve(&inventory, numbered(2)).await);
    assert!(begun.elapsed() < seconds(1));
    assert_eq!(server.lists().0, 1);
    // What is known to be gone is not looked at again.
    let gets = server.state().gets;
    let again = resumed(resolve(&inventory, numbered(2)).await);
    assert_eq!(server.state().gets, gets + 1);
    assert!(again.id().as_str().starts_with("sw_"));
}

#[tokio::test(start_paused = true)]
async fn two_matches_of_which_one_was_deleted_are_no_ambiguity() {
    let server = Server::with(1_000);
    server.make("pl_twin", &query(1), T0);
    let inventory = filled(&server).await;
    let both = validated(&inventory, numbered(1)).await;
    let (error, both) = resolve_error(both.resolve().await);
    assert!(
        matches!(&error, ResolveError::Ambiguous { matches } if matches.len() == 2),
        "{error:?}"
    );
    tokio::time::sleep(seconds(20)).await;
    server.delete("pl_1");
    assert_eq!(
        resumed(both.resolve().await.unwrap()).id().as_str(),
        "pl_twin"
    );
}

#[tokio::test(start_paused = true)]
async fn other_pipelines_refuse_as_they_are_now() {
    let server = Server::with(1_000);
    let inventory = filled(&server).await;
    let unforced = || of_query(query(5_000)).force(false).build().unwrap();
    let refused = validated(&inventory, unforced()).await;
    for number in 5..500 {
        server.delete(&format!("pl_{number}"));
    }
    let (error, refused) = resolve_error(refused.resolve().await);
    let ResolveError::OtherPipelines { others, near: None } = error else {
        panic!("{error:?}");
    };
    let ids: Vec<_> = others.iter().map(|other| other.id.as_str()).collect();
    assert_eq!(ids.len(), 505);
    assert_eq!((ids[0], ids[499], ids[500]), ("pl_999", "pl_500", "pl_4"));
    assert_eq!(server.lists().0, 2);

    server.state().pipelines.clear();
    let _ = created(refused.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_first_reading_refuses_by_itself() {
    let server = Server::with(20);
    let inventory = Inventory::new(server.clone());
    let near = of_query(format!("{}\r\n", query(3))).force(false);
    let near = validated(&inventory, near.build().unwrap()).await;
    let (error, near) = resolve_error(near.resolve().await);
    let ResolveError::OtherPipelines {
        others,
        near: Some(found),
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((others.len(), found.id.as_str()), (20, "pl_3"));
    assert_eq!(server.lists(), (1, 0));
    // A plan tells of all, as they are now.
    server.delete("pl_3");
    let error = near.plan().await.unwrap_err().to_string();
    assert!(error.contains("19 other pipelines"), "{error}");
    assert_eq!(server.lists(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn many_that_are_refused_at_once_share_a_reading() {
    let server = Server::with(200);
    let inventory = filled(&server).await;
    let mut submissions = tokio::task::JoinSet::new();
    for number in 300..350 {
        let spec = of_query(query(number)).force(false).build().unwrap();
        let submission = validated(&inventory, spec).await;
        submissions.spawn(submission.resolve());
    }
    for outcome in submissions.join_all().await {
        let (error, _) = resolve_error(outcome);
        assert!(
            matches!(error, ResolveError::OtherPipelines { .. }),
            "{error:?}"
        );
    }
    assert!(server.lists().0 <= 3, "{:?}", server.lists());
}

#[tokio::test(start_paused = true)]
async fn that_there_is_nothing_to_resume_rests_on_the_list_as_it_is_now() {
    let server = Server::with(1_000);
    let inventory = filled(&server).await;
    // The near one is gone, and is not named.
    server.delete("pl_3");
    let spec = of_query(format!("{}\n", query(3))).intent(Intent::ResumeOnly);
    let submission = validated(&inventory, spec.build().unwrap()).await;
    let (error, _) = resolve_error(submission.resolve().await);
    assert!(
        matches!(error, ResolveError::NothingToResume { near: None }),
        "{error:?}"
    );
    assert_eq!(server.lists().0, 2);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_given_is_read_as_it_is_now() {
    let server = Server::with(20);
    let inventory = filled(&server).await;
    let given = |number| {
        let spec = of_query(query(number)).identity(Identity::Given(id("pl_7")));
        spec.build().unwrap()
    };
    let other = validated(&inventory, given(8)).await;
    let (error, other) = resolve_error(other.resolve().await);
    assert!(matches!(error, ResolveError::Conflict { .. }), "{error:?}");
    let found = resumed(resolve(&inventory, given(7)).await);
    assert_eq!(found.id().as_str(), "pl_7");
    // The id is free again.
    tokio::time::sleep(seconds(20)).await;
    server.delete("pl_7");
    let made = created(other.resolve().await.unwrap());
    assert_eq!(made.id().as_str(), "pl_7");
}

#[tokio::test(start_paused = true)]
async fn a_new_run_gets_the_first_id_that_is_free_now() {
    let server = Server::with(20);
    let inventory = filled(&server).await;
    let new_run = || {
        let spec = of_query(query(500)).when_finished(WhenFinished::NewRun);
        spec.build().unwrap()
    };
    let first = created(resolve(&inventory, new_run()).await)
        .id()
        .to_string();
    server.state().finished.push(first.clone());
    let second = created(resolve(&inventory, new_run()).await)
        .id()
        .to_string();
    assert_ne!(first, second);
    server.state().finished.push(second.clone());
    tokio::time::sleep(seconds(20)).await;
    server.delete(&first);
    let third = created(resolve(&inventory, new_run()).await);
    assert_eq!(third.id().as_str(), first);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_missed_for_less_than_it_takes_is_not_made_anew() {
    let fake = FakeTransport::any_order();
    fake.expect(Method::GET, "/api/v1/ping")
        .reply_json(200, "Pong");
    fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
        .reply_json(
            200,
            &json!({"graph": {"nodes": [], "edges": []}, "errors": []}),
        );
    let rows = ["pl_1", "pl_old"].map(|id| pipeline(id, &query(1)));
    let mut rows = json!(rows);
    rows[1]["query"] = json!("SELECT 2");
    rows[1]["created_at"] = json!(T0 - 1_000 * SECOND);
    fake.expect(Method::GET, "/api/v1/pipelines?limit=10000")
        .reply_json(200, &json!({"data": rows, "hasMore": false}));
    // It is listed, and more are behind: only the whole list would tell that it is gone.
    fake.expect(Method::GET, "/api/v1/pipelines?limit=21")
        .reply_json(200, &json!({"data": rows, "hasMore": true}))
        .always();
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1")
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
    let inventory = Inventory::new(fake.clone());
    let short = options().resolve_timeout(seconds(4)).build();
    let submission = inventory.submit(numbered(1)).options(short).build();
    let connected = submission.connect().await.unwrap();
    let validated = connected.validate().await.unwrap();
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(
        matches!(&error, ResolveError::Vanished { existing } if existing.id.as_str() == "pl_1"),
        "{error:?}"
    );
}

//! Two submissions of the same spec where the server chooses the id: one creates, and the other one takes over what it has made.

use serde_json::json;
use stepwell::{
    PipelineSpec, Resolution, Shutdown, Submission,
    error::ResolveError,
    state::Validated,
    transport::{FakeTransport, SharedTransport, http::Method},
};

use crate::{create_post::server_assigned, support::*};

/// Two submissions to the same server, under one shutdown.
async fn two_of(fake: &FakeTransport, specs: [PipelineSpec; 2]) -> [Submission<Validated>; 2] {
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    let mut validated = Vec::new();
    for spec in specs {
        let options = options().under(&shutdown);
        validated.push(validated_with(transport.clone(), fake, spec, options).await);
    }
    validated.try_into().unwrap()
}

/// Two submissions of the same spec to the same server, under one shutdown.
async fn twins(fake: &FakeTransport) -> [Submission<Validated>; 2] {
    two_of(fake, [server_assigned(), server_assigned()]).await
}

fn posts(fake: &FakeTransport) -> usize {
    count(fake, &Method::POST, |path| path == PIPELINES)
}

/// The server shows that pipeline as soon as its create is answered.
#[tokio::test(start_paused = true)]
async fn two_submissions_at_once_create_one_pipeline_and_both_get_it() {
    for has_chosen in [true, false] {
        let fake = FakeTransport::any_order();
        let spec = if has_chosen { spec } else { server_assigned };
        let [first, second] = two_of(&fake, [spec(), spec()]).await;
        let listed = fake
            .expect(Method::GET, LIST)
            .delay(millis(10))
            .reply_json(200, &json!({"data": [], "hasMore": false}))
            .always();
        // This server has no `PUT`.
        fake.expect(Method::PUT, path(spec_id()))
            .reply(405, "")
            .always();
        fake.expect(Method::POST, PIPELINES)
            .delay(millis(100))
            .reply_json(200, &pipeline("pl_1", QUERY));
        fake.jobs("pl_1", job("Created"));
        let (first, second, ()) = tokio::join!(first.resolve(), second.resolve(), async {
            tokio::time::sleep(millis(50)).await;
            assert_eq!(posts(&fake), 1);
            let _ = listed.reply_json(
                200,
                &json!({"data": [pipeline("pl_1", QUERY)], "hasMore": false}),
            );
        });
        let (first, second) = (first.unwrap(), second.unwrap());
        // Either may be the first to create.
        let (first, second) = match first {
            Resolution::Created(_) => (first, second),
            Resolution::Resumed(_) => (second, first),
        };
        assert_eq!(created(first).id().as_str(), "pl_1");
        assert_eq!(resumed(second).id().as_str(), "pl_1");
        assert_eq!(posts(&fake), 1);
    }
}

/// The second submission has read the list before the first one's create, whose answer arrives before the list does.
#[tokio::test(start_paused = true)]
async fn a_list_from_before_the_answer_to_a_twins_create_creates_no_second_pipeline() {
    let fake = FakeTransport::new();
    let [late, first] = twins(&fake).await;
    fake.expect(Method::GET, LIST)
        .delay(millis(100))
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES)
        .delay(millis(50))
        .reply_json(200, &pipeline("pl_1", QUERY));
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Created"));
    let (late, first) = tokio::join!(late.resolve(), first.resolve());
    assert_eq!(created(first.unwrap()).id().as_str(), "pl_1");
    assert_eq!(resumed(late.unwrap()).id().as_str(), "pl_1");
    assert_eq!(posts(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn the_lost_create_of_one_of_two_submissions_is_not_sent_by_the_other_and_both_get_its_pipeline()
 {
    let fake = FakeTransport::any_order();
    let [first, second] = twins(&fake).await;
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES).lost();
    fake.expect(Method::GET, LIST)
        .reply_json(
            200,
            &json!({"data": [pipeline("pl_1", QUERY)], "hasMore": false}),
        )
        .always();
    fake.jobs("pl_1", job("Running"));
    fake.jobs("pl_1", job("Running"));
    let (first, second) = tokio::join!(first.resolve(), second.resolve());
    for resolution in [first, second] {
        let found = resumed(resolution.unwrap());
        assert!(found.is_adopted());
        assert_eq!(found.id().as_str(), "pl_1");
    }
    assert_eq!(posts(&fake), 1);
}

/// Nobody knows whether the server will still process the create.
#[tokio::test(start_paused = true)]
async fn a_lost_create_that_does_not_show_is_unknown_to_both_and_not_sent_again() {
    let fake = FakeTransport::any_order();
    let [first, second] = twins(&fake).await;
    fake.expect(Method::POST, PIPELINES).lost();
    fake.expect(Method::GET, LIST)
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    let (first, second) = tokio::join!(first.resolve(), second.resolve());
    let (error, _first) = resolve_error(first);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    let (error, _second) = resolve_error(second);
    assert!(
        matches!(error, ResolveError::StillUnknown { .. }),
        "{error:?}"
    );
    assert_eq!(posts(&fake), 1);
}

/// A submission whose server is to choose the id, and one with a given id, which look alike on the server.
async fn posted_and_put(fake: &FakeTransport, id: &str) -> [Submission<Validated>; 2] {
    two_of(fake, [chosen(id), server_assigned()]).await
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_to_one_submission_is_not_taken_for_the_lost_create_of_another() {
    let fake = FakeTransport::new();
    let [answered, lost] = posted_and_put(&fake, "pl_1").await;
    // It has looked for creates in doubt before there was one.
    fake.expect(Method::GET, LIST)
        .delay(millis(5))
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES)
        .delay(millis(20))
        .reply(504, "");
    fake.expect(Method::PUT, path("pl_1"))
        .delay(millis(5))
        .reply_json(200, &pipeline("pl_1", QUERY));
    fake.list(&[pipeline("pl_2", QUERY), pipeline("pl_1", QUERY)]);
    fake.jobs("pl_2", job("Created"));
    let (answered, lost) = tokio::join!(answered.resolve(), lost.resolve());
    assert_eq!(created(answered.unwrap()).id().as_str(), "pl_1");
    assert_eq!(resumed(lost.unwrap()).id().as_str(), "pl_2");
}

/// The second create begins while the list is read that is to settle the first.
#[tokio::test(start_paused = true)]
async fn what_another_one_creates_while_the_list_is_read_is_not_taken_for_the_lost_create() {
    let fake = FakeTransport::new();
    let [other, lost] = posted_and_put(&fake, "pl_other").await;
    // The other one has looked for creates in doubt before there was one.
    fake.expect(Method::GET, LIST)
        .delay(millis(100))
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES).lost();
    fake.expect(Method::GET, LIST)
        .delay(millis(200))
        .reply_json(
            200,
            &json!({"data": [pipeline("pl_other", QUERY)], "hasMore": false}),
        );
    fake.expect(Method::PUT, path("pl_other"))
        .delay(millis(300))
        .reply_json(200, &pipeline("pl_other", QUERY));
    fake.list(&[pipeline("pl_lost", QUERY), pipeline("pl_other", QUERY)]);
    fake.jobs("pl_lost", job("Created"));
    let (other, lost) = tokio::join!(other.resolve(), lost.resolve());
    assert_eq!(created(other.unwrap()).id().as_str(), "pl_other");
    assert_eq!(resumed(lost.unwrap()).id().as_str(), "pl_lost");
    fake.finish();
}

/// Nodes of two versions answer: a new one may still process the `PUT`, and an old one refuses its repetition.
#[tokio::test(start_paused = true)]
async fn a_put_that_a_dropped_submission_left_in_doubt_is_settled_before_a_post_is_sent() {
    for (is_repeated, is_there) in [(true, true), (true, false), (false, true), (false, false)] {
        let fake = FakeTransport::new();
        let [dropped, second] = two_of(&fake, [spec(), server_assigned()]).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path(spec_id())).lost();
        if is_repeated {
            fake.not_there(spec_id());
            fake.expect(Method::PUT, path(spec_id())).reply(405, "");
        }
        fake.not_there(spec_id()).delay(seconds(1));
        let cut = tokio::time::timeout(millis(900), dropped.resolve()).await;
        assert!(cut.is_err());
        if is_there {
            fake.expect(Method::GET, path(spec_id()))
                .reply_json(200, &pipeline(spec_id(), QUERY));
            fake.jobs(spec_id(), job("Running"));
            let resumed = resumed(second.resolve().await.unwrap());
            assert_eq!(resumed.id().as_str(), spec_id());
        } else {
            fake.not_there(spec_id()).always();
            let (error, _second) = resolve_error(second.resolve().await);
            assert!(
                matches!(error, ResolveError::StillUnknown { .. }),
                "{error:?}"
            );
        }
        assert_eq!(creates(&fake), 1 + usize::from(is_repeated));
        assert_eq!(posts(&fake), 0);
    }
}

//! Two submissions that create the same spec where the server chooses the id.

use serde_json::json;
use stepwell::{
    Shutdown, Submission,
    error::ResolveError,
    state::Validated,
    transport::{FakeTransport, SharedTransport, http::Method},
};

use crate::{create_post::server_assigned, support::*};

/// Two submissions of the same spec to the same server, under one shutdown.
async fn twins(fake: &FakeTransport) -> [Submission<Validated>; 2] {
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    let mut validated = Vec::new();
    for _ in 0..2 {
        let options = options().under(&shutdown);
        validated.push(validated_with(transport.clone(), fake, server_assigned(), options).await);
    }
    validated.try_into().unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_new_pipeline_does_not_answer_for_the_lost_creates_of_two_submissions() {
    let fake = FakeTransport::any_order();
    let [first, second] = twins(&fake).await;
    fake.list(&[]);
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES).lost().times(2);
    fake.expect(Method::GET, LIST)
        .reply_json(
            200,
            &json!({"data": [pipeline("pl_1", QUERY)], "hasMore": false}),
        )
        .always();
    fake.jobs("pl_1", job("Running"));
    let (first, second) = tokio::join!(first.resolve(), second.resolve());
    let (found, unknown) = if first.is_ok() {
        (first, second)
    } else {
        (second, first)
    };
    assert!(resumed(found.unwrap()).is_adopted());
    let (error, _) = resolve_error(unknown);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_to_one_submission_is_not_taken_for_the_lost_create_of_its_twin() {
    let fake = FakeTransport::new();
    let [answered, lost] = twins(&fake).await;
    fake.expect(Method::GET, LIST)
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .times(2);
    fake.expect(Method::POST, PIPELINES)
        .delay(millis(10))
        .reply_json(200, &pipeline("pl_1", QUERY));
    fake.expect(Method::POST, PIPELINES)
        .delay(millis(20))
        .reply(504, "");
    fake.list(&[pipeline("pl_2", QUERY), pipeline("pl_1", QUERY)]);
    fake.jobs("pl_2", job("Created"));
    let (answered, lost) = tokio::join!(answered.resolve(), lost.resolve());
    assert_eq!(created(answered.unwrap()).id().as_str(), "pl_1");
    assert_eq!(resumed(lost.unwrap()).id().as_str(), "pl_2");
}

/// The second create begins while the list is read that is to settle the first.
#[tokio::test(start_paused = true)]
async fn what_a_twin_creates_while_the_list_is_read_is_not_taken_for_the_lost_create() {
    let fake = FakeTransport::new();
    let [lost, twin] = twins(&fake).await;
    // The twin has looked for creates in doubt before there was one.
    fake.expect(Method::GET, LIST)
        .delay(millis(100))
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    fake.list(&[]);
    fake.expect(Method::POST, PIPELINES).lost();
    fake.expect(Method::GET, LIST)
        .delay(millis(200))
        .reply_json(
            200,
            &json!({"data": [pipeline("pl_twin", QUERY)], "hasMore": false}),
        );
    fake.expect(Method::POST, PIPELINES)
        .delay(millis(300))
        .reply_json(200, &pipeline("pl_twin", QUERY));
    fake.list(&[pipeline("pl_lost", QUERY), pipeline("pl_twin", QUERY)]);
    fake.jobs("pl_lost", job("Created"));
    let (twin, lost) = tokio::join!(twin.resolve(), lost.resolve());
    assert_eq!(created(twin.unwrap()).id().as_str(), "pl_twin");
    assert_eq!(resumed(lost.unwrap()).id().as_str(), "pl_lost");
    fake.finish();
}

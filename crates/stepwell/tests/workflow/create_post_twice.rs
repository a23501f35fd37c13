//! Two submissions that create the same spec where the server chooses the id.

use serde_json::json;
use stepwell::{
    Shutdown,
    error::ResolveError,
    transport::{FakeTransport, SharedTransport, http::Method},
};

use crate::{create_post::server_assigned, support::*};

#[tokio::test(start_paused = true)]
async fn one_new_pipeline_does_not_answer_for_the_lost_creates_of_two_submissions() {
    let fake = FakeTransport::any_order();
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    let mut submissions = Vec::new();
    for _ in 0..2 {
        let options = options().under(&shutdown);
        submissions
            .push(validated_with(transport.clone(), &fake, server_assigned(), options).await);
    }
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
    let second = submissions.pop().unwrap();
    let first = submissions.pop().unwrap();
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
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    let mut submissions = Vec::new();
    for _ in 0..2 {
        let options = options().under(&shutdown);
        submissions
            .push(validated_with(transport.clone(), &fake, server_assigned(), options).await);
    }
    let lost = submissions.pop().unwrap();
    let answered = submissions.pop().unwrap();
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

//! What `plan` returns, and that it only reads.

use serde_json::json;
use stepwell::{
    JobState,
    state::{Plan, PlannedRequest},
    transport::{FakeTransport, http::Method},
};

use crate::{
    find::{among, builder},
    support::*,
};

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_would_be_sent_and_sends_only_reads() {
    let there = [pipeline("pl_1", QUERY).with("stop", json!("checkpoint"))];
    let fake = FakeTransport::new();
    let validated = among(&fake, builder().parallelism(four()), &there).await;
    fake.jobs("pl_1", undesired("Failed"));
    let Plan::Resume {
        pipeline,
        state,
        requests,
        ..
    } = validated.plan().await.unwrap()
    else {
        panic!("no resume is planned");
    };
    assert_eq!(pipeline.id.as_str(), "pl_1");
    assert_eq!(state, Some(JobState::Failed));
    assert_eq!(
        requests,
        [
            PlannedRequest::Start,
            PlannedRequest::Parallelism { to: four() },
            PlannedRequest::Restart
        ]
    );
    assert!(
        fake.requests()[2..]
            .iter()
            .all(|request| request.method == Method::GET)
    );
}

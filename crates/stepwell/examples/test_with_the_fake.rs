//! A test for an orchestrator, with the fake transport: how it reacts when a pipeline fails to start.
//!
//! The fake suits tests of single replies. A test of what happens to pipelines is shorter with the server of
//! `stepwell_control_plane::testing`.
//!
//! `cargo run -p stepwell --example test_with_the_fake`; in a real project `main` is a `#[tokio::test(start_paused = true)]`.

use std::time::Duration;

use serde_json::json;
use stepwell::{
    Error, Options, PipelineSpec, SharedTransport, Submission, Transport as _, error::WaitError,
};
use stepwell_transport::{FakeTransport, http::Method};

/// The orchestrator's code: deploys a pipeline, and returns the message for the operators.
async fn deploy(transport: SharedTransport) -> Result<(), String> {
    let options = Options::default().with_running_timeout(Duration::from_secs(60));
    let submission = Submission::builder(transport, PipelineSpec::new("SELECT * FROM orders"))
        .options(options)
        .build();
    match submission.run().await {
        Ok(_) => Ok(()),
        Err(Error::Wait {
            source: WaitError::Failed { id, .. },
        }) => Err(format!("{id} failed: page the team")),
        Err(error) => Err(format!("try again later: {error}")),
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/ping")
        .reply_json(200, &"Pong");
    let graph = json!({"nodes": [], "edges": []});
    fake.expect(Method::POST, "/api/v1/pipelines/validate_query")
        .reply_json(200, &json!({"graph": graph, "errors": []}));
    fake.expect(Method::GET, "/api/v1/pipelines?")
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    // An old server has no `PUT` and assigns the id.
    fake.expect(Method::PUT, path_of_the_pipeline())
        .reply(405, "");
    fake.expect(Method::POST, "/api/v1/pipelines").reply_json(
        200,
        &json!({"id": "pl_1", "name": "query", "query": "SELECT * FROM orders", "stop": "none", "created_at": 1}),
    );
    let job = |state: &str| {
        json!({"data": [{
            "id": "job_1", "running_desired": true, "state": state, "run_id": 1, "created_at": 1,
            "failure_reason": {"error": "no such topic", "domain": "user"},
        }]})
    };
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs")
        .reply_json(200, &job("Scheduling"));
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs")
        .delay(Duration::from_secs(5))
        .reply_json(200, &job("Failed"));
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/errors?")
        .reply_json(200, &json!({"data": [], "hasMore": false}));

    let outcome = deploy(fake.clone().into_shared()).await;
    assert_eq!(outcome, Err("pl_1 failed: page the team".to_owned()));
    fake.finish();
    println!("as expected, after {} requests", fake.requests().len());
}

/// The path to which the pipeline of this spec is put.
fn path_of_the_pipeline() -> String {
    let id = stepwell::PipelineId::for_spec("", "query", "SELECT * FROM orders");
    format!("/api/v1/pipelines/{id}")
}

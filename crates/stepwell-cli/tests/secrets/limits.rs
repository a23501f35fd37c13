//! The limits of the promise in `docs/secrets.md`: secrets that a server sends unprompted are shown, but not logged.

use std::time::Duration;

use serde_json::json;
use stepwell::{
    Options, PipelineId, Shutdown, Submission,
    state::Registered,
    transport::{FakeTransport, http::Method},
};

use crate::PASSWORD;

const PIPELINE: &str = "/api/v1/pipelines/pl_1";

/// The log is checked at the end of the test.
pub(crate) async fn check() {
    let words = format!("the broker refused the password {PASSWORD}");

    // A refusal of a request without secrets, so there is nothing to search for.
    let fake = FakeTransport::any_order();
    let attached = attach(&fake).await;
    fake.expect(Method::GET, PIPELINE)
        .reply_json(500, &json!({"error": words}))
        .always();
    let error = attached.status().await.unwrap_err();
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        text.ends_with(&format!("500 Internal Server Error: {words}")),
        "{text}"
    );

    // Why a job failed.
    let fake = FakeTransport::any_order();
    let attached = attach(&fake).await;
    let job = json!({"id": "job_1", "running_desired": true, "state": "Failed", "run_id": 1, "created_at": 1,
        "failure_reason": words});
    fake.expect(Method::GET, format!("{PIPELINE}/jobs"))
        .reply_json(200, &json!({"data": [job]}))
        .always();
    fake.expect(Method::GET, format!("{PIPELINE}/jobs/job_1/errors?"))
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    let error = attached.wait_until_running().await.unwrap_err();
    assert!(error.to_string().contains(&words), "{error}");
}

async fn attach(fake: &FakeTransport) -> Submission<Registered> {
    let pipeline = json!({"id": "pl_1", "name": "orders", "query": "SELECT 1", "stop": "none", "created_at": 1});
    fake.expect(Method::GET, PIPELINE)
        .reply_json(200, &pipeline);
    let options = Options::default()
        .with_request_timeout(Duration::from_secs(60))
        .with_running_timeout(Duration::from_secs(60));
    let id = PipelineId::from_server("pl_1");
    Submission::attach(fake.clone(), id, &Shutdown::new(), options)
        .await
        .unwrap()
}

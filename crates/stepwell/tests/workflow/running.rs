//! What can be done with a running pipeline besides stopping it: watch it to its end, detach, attach again, inspect it.

use serde_json::json;
use stepwell::{
    Error, JobState, Shutdown, StopPolicy, Submission,
    error::AttachError,
    transport::{FakeTransport, Phase, http::Method},
};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_detached_pipeline_is_out_of_the_hands_of_the_shutdown() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    let shutdown = running.shutdown().clone();
    let before = fake.requests().len();
    assert_eq!(running.detach().as_str(), "pl_1");
    let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
    assert!(report.entries.is_empty());
    assert_eq!(report.to_string(), "nothing to stop");
    assert_eq!(fake.requests().len(), before);
}

#[tokio::test(start_paused = true)]
async fn attaching_reads_the_pipeline_and_changes_nothing() {
    let fake = FakeTransport::new();
    fake.expect(Method::GET, path("pl_1")).reply(502, "");
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let shutdown = Shutdown::new();
    let attached = Submission::attach(fake.clone(), id("pl_1"), &shutdown, options());
    let attached = attached.await.unwrap();
    assert_eq!(
        (attached.id().as_str(), attached.name()),
        ("pl_1", "orders")
    );
    assert_eq!(attached.is_created_here(), None);
    assert!(attached.graph().is_none() && attached.differences().is_empty());
    shows(&fake, &[job("Running")]);
    let running = attached.wait_until_running().await.unwrap();
    assert_eq!(running.job().run_id, 1);
    let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
    assert!(report.to_string().contains("was left as it is"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn attaching_to_what_is_not_there_says_so() {
    let fake = FakeTransport::new();
    fake.not_there("pl_1");
    let outcome = Submission::attach(fake.clone(), id("pl_1"), &Shutdown::new(), options()).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Attach {
                source: AttachError::NotFound { .. }
            }
        ),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    fake.expect(Method::GET, path("pl_1"))
        .reply(502, "")
        .always();
    let outcome = Submission::attach(fake.clone(), id("pl_1"), &Shutdown::new(), options()).await;
    assert!(outcome.unwrap_err().is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_registered_pipeline_can_be_looked_at() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    fake.expect(Method::GET, path("pl_1")).reply(503, "");
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    shows(&fake, &[job("Running")]);
    let status = running.status().await.unwrap();
    assert_eq!(status.pipeline.name, "orders");
    assert_eq!(status.job.unwrap().state, JobState::Running);

    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[checkpoint(1, "scheduled", true)]);
    assert_eq!(running.checkpoints().await.unwrap()[0].epoch, 1);

    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": []}));
    assert!(running.job_errors().await.unwrap().is_empty());

    // A job of an older run next to the newest one.
    let old = job("Stopped")
        .with("id", json!("job_0"))
        .with("created_at", json!(T0 - 1));
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": [job("Running"), old]}));
    assert_eq!(
        running.read_job().await.unwrap().unwrap().id.as_str(),
        "job_1"
    );

    fake.not_there("pl_1");
    let error = running.status().await.unwrap_err();
    assert!(matches!(error, Error::Look { .. }), "{error:?}");
    assert_eq!(error.phase(), Phase::Responded);
}

//! What can be done with a running pipeline besides stopping it: watch it to its end, detach, delete it, attach again, inspect it.

use serde_json::json;
use stepwell::{
    Error, JobState, Shutdown, StopPolicy, Submission,
    error::{AttachError, ResolveError},
    state::{Created, Resolved},
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
async fn a_create_is_undone_by_a_stop_without_a_checkpoint_and_a_delete() {
    let fake = FakeTransport::new();
    let created = created_to_discard(&fake).await;
    let shutdown = created.shutdown().clone();
    shows(&fake, &[job("Scheduling")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "immediate"}));
    shows(&fake, &[undesired("Stopping"), undesired("Stopped")]);
    fake.checkpoints(&[]);
    fake.expect(Method::DELETE, path("pl_1")).lost();
    fake.expect(Method::DELETE, path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    created.discard().await.unwrap();
    assert!(
        shutdown
            .stop_all(StopPolicy::default())
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

/// The job has just stopped, and a node or the controller does not know it yet (`151_delete_while_running`).
#[tokio::test(start_paused = true)]
async fn a_refusal_that_passes_does_not_end_the_undoing() {
    for passes in [true, false] {
        let fake = FakeTransport::new();
        let created = created_to_discard(&fake).await;
        shows(&fake, &[undesired("Stopped")]);
        fake.checkpoints(&[]);
        let words = "Pipeline's jobs must be in a terminal state (stopped, finished, or failed) before it can be deleted";
        let refused = fake
            .expect(Method::DELETE, path("pl_1"))
            .reply_json(400, &json!({"error": words}));
        if passes {
            let _ = refused.times(2);
            fake.expect(Method::DELETE, path("pl_1")).reply(200, "");
            created.discard().await.unwrap();
            continue;
        }
        let _ = refused.always();
        let (error, _) = created.discard().await.unwrap_err().into_parts();
        assert!(chain(&error).contains(words), "{}", chain(&error));
        assert!(error.is_retryable());
    }
}

/// A gateway may answer so for minutes.
#[tokio::test(start_paused = true)]
async fn a_delete_is_repeated_at_a_pace() {
    let fake = FakeTransport::new();
    let created = created_to_discard(&fake).await;
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    let _ = fake
        .expect(Method::DELETE, path("pl_1"))
        .reply(404, "<html>no backend</html>")
        .always();
    let _ = created.discard().await.unwrap_err();
    let sent = count(&fake, &Method::DELETE, |_| true);
    assert!((5..=20).contains(&sent), "{sent}");
}

pub(crate) async fn created_to_discard(fake: &FakeTransport) -> Submission<Resolved<Created>> {
    let validated = validated(fake, chosen("pl_1")).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    created(validated.resolve().await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_create_that_cannot_be_undone_is_handed_back() {
    let fake = FakeTransport::new();
    let created = created_to_discard(&fake).await;
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    fake.expect(Method::DELETE, path("pl_1"))
        .reply_json(400, &json!({"error": "the job is still running"}));
    let (error, created) = created.discard().await.unwrap_err().into_parts();
    assert!(
        matches!(
            error,
            Error::Resolve {
                source: ResolveError::Rejected { .. }
            }
        ),
        "{error:?}"
    );
    // It was deleted in the meantime, which is the desired result.
    fake.unknown("pl_1");
    fake.expect(Method::DELETE, path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    created.discard().await.unwrap();
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

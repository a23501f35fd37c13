//! Deleting a pipeline that has ended, by its id.

use serde_json::json;
use stepwell::{
    Error, Shutdown, StopPolicy,
    transport::{FakeTransport, Phase, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn what_has_stopped_is_deleted_and_leaves_the_shutdown() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let stopped = stopped(&fake, options().under(&shutdown)).await;
    shows(&fake, &[undesired("Stopped")]);
    fake.expect(Method::DELETE, path("pl_1")).reply(200, "");
    stopped.delete().await.unwrap();
    assert!(shutdown.pipelines().is_empty());
    let report = shutdown.stop_all(StopPolicy::default()).await.unwrap();
    assert!(report.entries.is_empty(), "{report}");
    fake.finish();
}

/// What has failed or finished by itself is still meant to run (`301_missing_file_jobs`), and a server deletes it.
#[tokio::test(start_paused = true)]
async fn what_has_ended_by_itself_is_deleted_without_a_stop() {
    for state in ["Failed", "Finished"] {
        let fake = FakeTransport::new();
        let attached = attached(&fake, options()).await;
        shows(&fake, &[job(state)]);
        fake.expect(Method::DELETE, path("pl_1")).reply(200, "");
        attached.delete().await.unwrap();
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_leaves_the_shutdown_for_dropped_submissions_too() {
    for job_id in ["job_1", "job_2"] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        drop(running(&fake, options().under(&shutdown)).await);
        drop(attached(&fake, options().under(&shutdown)).await);
        let attached = attached(&fake, options().under(&shutdown)).await;
        shows(&fake, &[undesired("Stopped").with("id", json!(job_id))]);
        fake.expect(Method::DELETE, path("pl_1")).reply(200, "");
        attached.delete().await.unwrap();
        // With another job it is another pipeline under the same id.
        let is_another = job_id == "job_2";
        assert_eq!(shutdown.pipelines().is_empty(), !is_another, "{job_id}");
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn what_runs_or_is_about_to_is_not_deleted() {
    for job in [job("Running"), undesired("Stopping"), job("Stopped")] {
        let fake = FakeTransport::new();
        let attached = attached(&fake, options()).await;
        shows(&fake, &[job]);
        let failure = attached.delete().await.unwrap_err();
        assert_eq!(failure.error().code(), "delete.still_running");
        assert!(failure.to_string().contains("stop it first"), "{failure}");
        assert_eq!(deletes(&fake), 0);
        // It was handed back.
        assert_eq!(failure.into_submission().id().as_str(), "pl_1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_of_the_api_is_success_and_that_of_a_gateway_is_not() {
    let fake = FakeTransport::any_order();
    let attached = attached(&fake, options()).await;
    let shown = shows_always(&fake, &undesired("Failed"));
    let answer = fake
        .expect(Method::DELETE, path("pl_1"))
        .reply(404, "<html>no such route</html>")
        .always();
    let failure = attached.delete().await.unwrap_err();
    assert_eq!(failure.error().code(), "delete.unanswered");
    assert!(deletes(&fake) > 1);
    let _ = answer.reply_json(404, &json!({"error": "Pipeline not found"}));
    let begun = deletes(&fake);
    let delete = failure.into_submission().delete();
    let lags_behind = async {
        tokio::time::sleep(seconds(3)).await;
        let _ = shown.reply_json(404, &json!({"error": "Pipeline not found"}));
    };
    let (deleted, ()) = tokio::join!(delete, lags_behind);
    deleted.unwrap();
    assert!(deletes(&fake) > begun);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_a_look() {
    let fake = FakeTransport::new();
    let attached = attached(&fake, options()).await;
    shows(&fake, &[undesired("Stopped")]);
    fake.expect(Method::DELETE, path("pl_1")).lost();
    is_gone(&fake);
    let began = Instant::now();
    attached.delete().await.unwrap();
    // One 404 may be that of a node that lags behind.
    assert!(began.elapsed() >= seconds(1), "{:?}", began.elapsed());
    assert_eq!(deletes(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_answered_until_the_deadline_is_unknown() {
    let fake = FakeTransport::any_order();
    let attached = attached(&fake, options()).await;
    let _ = shows_always(&fake, &undesired("Stopped"));
    let _ = fake.expect(Method::DELETE, path("pl_1")).lost().always();
    let failure = attached.delete().await.unwrap_err();
    let error = failure.error();
    assert_eq!(error.code(), "delete.outcome_unknown");
    assert_eq!(
        (error.phase(), error.is_retryable()),
        (Phase::MaybeSent, true)
    );
    assert!(failure.to_string().contains("looks at the pipeline first"));
}

#[tokio::test(start_paused = true)]
async fn what_another_client_starts_at_that_moment_is_still_running() {
    let fake = FakeTransport::new();
    let attached = attached(&fake, options()).await;
    shows(&fake, &[undesired("Stopped")]);
    let words = "Pipeline's jobs must be in a terminal state (stopped, finished, or failed) before it can be deleted";
    fake.expect(Method::DELETE, path("pl_1"))
        .reply_json(400, &json!({"error": words}));
    shows(&fake, &[job("Scheduling")]);
    let failure = attached.delete().await.unwrap_err();
    assert_eq!(failure.error().code(), "delete.still_running");
    assert_eq!(deletes(&fake), 1);
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn what_another_client_has_made_under_the_id_is_not_deleted() {
    let fake = FakeTransport::new();
    let stopped = stopped(&fake, options()).await;
    shows(&fake, &[undesired("Stopped").with("id", json!("job_2"))]);
    stopped.delete().await.unwrap();
    assert_eq!(deletes(&fake), 0);
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_once_a_shutdown_has_begun() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let stopped = stopped(&fake, options().under(&shutdown)).await;
    shutdown.begin();
    let failure = stopped.delete().await.unwrap_err();
    assert!(matches!(failure.error(), Error::ShutdownBegun));
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_the_servers_words() {
    let fake = FakeTransport::new();
    let attached = attached(&fake, options()).await;
    shows(&fake, &[undesired("Stopped")]);
    let words = "the metadata of the pipeline are protected";
    fake.expect(Method::DELETE, path("pl_1"))
        .reply_json(400, &json!({"error": words}));
    let failure = attached.delete().await.unwrap_err();
    assert_eq!(failure.error().code(), "delete.rejected");
    assert!(chain(failure.error()).contains(words));
    fake.finish();
}

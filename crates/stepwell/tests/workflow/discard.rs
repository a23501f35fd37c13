//! Undoing a create: its pipeline is stopped without a checkpoint, and deleted.

use serde_json::json;
use stepwell::{
    Error, StopPolicy, Submission,
    error::ResolveError,
    state::{Created, Resolved},
    transport::{FakeTransport, RecordedRequest, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

pub(crate) async fn created_to_discard(fake: &FakeTransport) -> Submission<Resolved<Created>> {
    let validated = validated(fake, chosen("pl_1")).await;
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    created(validated.resolve().await.unwrap())
}

/// As [`created_to_discard`], and the job has stopped by itself.
async fn stopped_to_discard(fake: &FakeTransport) -> Submission<Resolved<Created>> {
    let created = created_to_discard(fake).await;
    shows(fake, &[undesired("Stopped")]);
    fake.checkpoints(&[]);
    created
}

#[tokio::test(start_paused = true)]
async fn a_create_is_undone_by_a_stop_without_a_checkpoint_and_a_delete() {
    for shows_still in [true, false] {
        let fake = FakeTransport::new();
        let created = created_to_discard(&fake).await;
        let shutdown = created.shutdown().clone();
        shows(&fake, &[job("Scheduling")]);
        fake.checkpoints(&[]);
        fake.patch("pl_1", json!({"stop": "immediate"}));
        shows(&fake, &[undesired("Stopping"), undesired("Stopped")]);
        fake.checkpoints(&[]);
        fake.expect(Method::DELETE, path("pl_1")).lost();
        if shows_still {
            shows(&fake, &[undesired("Stopped")]);
            fake.expect(Method::DELETE, path("pl_1"))
                .reply_json(404, &json!({"error": "Pipeline not found"}));
        }
        is_gone(&fake);
        let began = Instant::now();
        created.discard().await.unwrap();
        // One node that lags behind is not believed at once.
        let took = began.elapsed();
        assert!(took >= seconds(1) && took < seconds(4), "{took:?}");
        assert_eq!(deletes(&fake), 1 + usize::from(shows_still));
        assert!(
            shutdown
                .stop_all(StopPolicy::default())
                .await
                .unwrap()
                .entries
                .is_empty()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_404_of_a_node_that_lags_behind_does_not_end_the_undoing() {
    let fake = FakeTransport::new();
    let created = stopped_to_discard(&fake).await;
    fake.expect(Method::DELETE, path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    shows(&fake, &[undesired("Stopped")]);
    fake.expect(Method::DELETE, path("pl_1")).reply(200, "");
    created.discard().await.unwrap();
}

/// The job of another client's pipeline under the id of ours.
fn shows_anothers(fake: &FakeTransport) {
    shows(fake, &[job("Running").with("id", json!("job_2"))]);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_another_client_made_anew_is_neither_stopped_nor_deleted() {
    let fake = FakeTransport::new();
    let created = created_to_discard(&fake).await;
    let shutdown = created.shutdown().clone();
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "immediate"}));
    shows_anothers(&fake);
    created.discard().await.unwrap();
    assert_eq!(deletes(&fake), 0);
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(report.entries.is_empty(), "{report}");

    // It is made anew while the stop is in doubt.
    let fake = FakeTransport::new();
    let created = created_to_discard(&fake).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "immediate"})).lost();
    shows_anothers(&fake);
    created.discard().await.unwrap();
    assert_eq!(deletes(&fake), 0);

    // It is made anew after the first delete, whose reply is lost, or comes from a node that lags behind.
    for status in [502, 404] {
        let fake = FakeTransport::new();
        let created = stopped_to_discard(&fake).await;
        fake.expect(Method::DELETE, path("pl_1"))
            .reply_json(status, &json!({"error": "Pipeline not found"}));
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(404, &json!({"error": "Pipeline not found"}));
        shows_anothers(&fake);
        created.discard().await.unwrap();
        assert_eq!(deletes(&fake), 1);
    }
}

/// The job has just stopped, and a node or the controller does not know it yet (`151_delete_while_running`).
#[tokio::test(start_paused = true)]
async fn a_refusal_that_passes_does_not_end_the_undoing() {
    for passes in [true, false] {
        let fake = FakeTransport::new();
        let created = stopped_to_discard(&fake).await;
        let words = "Pipeline's jobs must be in a terminal state (stopped, finished, or failed) before it can be deleted";
        let refuses = || {
            let delete = fake.expect(Method::DELETE, path("pl_1"));
            delete.reply_json(400, &json!({"error": words}))
        };
        if passes {
            for _ in 0..2 {
                refuses();
                shows(&fake, &[undesired("Stopped")]);
            }
            fake.expect(Method::DELETE, path("pl_1")).reply(200, "");
            created.discard().await.unwrap();
            continue;
        }
        let _ = refuses().always();
        shows_always(&fake, &undesired("Stopped"));
        let (error, _) = created.discard().await.unwrap_err().into_parts();
        assert!(chain(&error).contains(words), "{}", chain(&error));
        assert!(error.is_retryable());
    }
}

/// A gateway may answer so for minutes.
#[tokio::test(start_paused = true)]
async fn a_delete_is_repeated_at_a_pace() {
    let fake = FakeTransport::new();
    let created = stopped_to_discard(&fake).await;
    let _ = fake
        .expect(Method::DELETE, path("pl_1"))
        .reply(404, "<html>no backend</html>")
        .always();
    shows_always(&fake, &undesired("Stopped"));
    let _ = created.discard().await.unwrap_err();
    let sent = deletes(&fake);
    assert!((5..=20).contains(&sent), "{sent}");
}

/// Between two of them, another client may make a pipeline anew under the id.
#[tokio::test(start_paused = true)]
async fn no_delete_is_repeated_without_a_look_not_even_at_the_deadline() {
    let fake = FakeTransport::new();
    let created = stopped_to_discard(&fake).await;
    let _ = fake
        .expect(Method::DELETE, path("pl_1"))
        .reply(502, "")
        .always();
    shows_always(&fake, &undesired("Stopped"));
    let _ = created.discard().await.unwrap_err();
    let requests = fake.requests();
    let deletes = |request: &RecordedRequest| request.method == Method::DELETE;
    for (number, pair) in requests.windows(2).enumerate() {
        assert!(
            !pair.iter().all(deletes),
            "request {number} of {} is a delete, and so is the next one",
            requests.len()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_cannot_be_undone_is_handed_back() {
    let fake = FakeTransport::new();
    let created = stopped_to_discard(&fake).await;
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

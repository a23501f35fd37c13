//! A stop of a pipeline that the server does not know, does not show yet, or whose id another client's pipeline has by now.

use serde_json::{Value, json};
use stepwell::{
    OnShutdown, Shutdown,
    error::StopError,
    shutdown::ShutdownEnd,
    transport::{FakeTransport, http::Method},
};
use tokio::time::Instant;

use crate::{shutdown::found, stop::stop_error, support::*};

fn stops(fake: &FakeTransport) -> usize {
    count(fake, &Method::PATCH, |_| true)
}

/// Released servers answer a patch with 400 instead (recording `024_patch_missing` of 0.15.0).
#[tokio::test(start_paused = true)]
async fn a_pipeline_that_is_deleted_between_a_look_and_the_stop_is_gone_whatever_the_status_says() {
    for (status, words) in [
        (404, "Job for pipeline not found"),
        (400, "There are no jobs for the pipeline"),
    ] {
        let fake = FakeTransport::new();
        let deleted = running(&fake, options()).await;
        shows(&fake, &[job("Running")]);
        fake.checkpoints(&[]);
        fake.expect(Method::PATCH, path("pl_1"))
            .reply_json(status, &json!({ "error": words }));
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(404, &json!({"error": "Pipeline not found"}))
            .always();
        let began = Instant::now();
        let (error, _) = stop_error(deleted.stop().await);
        assert!(matches!(error, StopError::Vanished { .. }), "{error:?}");
        // One node that lags behind is not believed at once.
        let took = began.elapsed();
        assert!(took >= seconds(1) && took < seconds(3), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_404_of_a_node_that_lags_behind_is_no_deletion() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    shows(&fake, &[job("Running")]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(&fake, &[undesired("Stopped")]);
    fake.checkpoints(&[checkpoint(1, "stopping", true)]);
    assert_eq!(running.stop().await.unwrap().final_checkpoint(), Some(true));
}

/// The server has accepted a request about the pipeline since.
#[tokio::test(start_paused = true)]
async fn a_404_before_the_stop_was_accepted_says_nothing_after_it() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options().with_stop_timeout(seconds(30))).await;
    // It is so new that its job was never seen.
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    fake.patch("pl_1", json!({"stop": "checkpoint"}))
        .delay(millis(1_900));
    let shown = fake
        .expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}))
        .always();
    let (stopped, ()) = tokio::join!(registered.stop(), async {
        // More than ten seconds after the first 404, and less after the first that followed.
        tokio::time::sleep(seconds(11)).await;
        let _ = shown.reply_json(200, &json!({"data": [undesired("Stopped")]}));
    });
    let _ = stopped.unwrap();
}

/// A lagging node, or a row that is not visible yet, gives the same answer for a moment.
#[tokio::test(start_paused = true)]
async fn a_pipeline_that_stays_unknown_for_ten_seconds_is_gone() {
    for was_seen in [true, false] {
        let fake = FakeTransport::new();
        let began;
        let error = if was_seen {
            let gone = running(&fake, options()).await;
            fake.unknown("pl_1");
            began = Instant::now();
            stop_error(gone.stop().await).0
        } else {
            let gone = registered(&fake, options()).await;
            fake.unknown("pl_1");
            began = Instant::now();
            stop_error(gone.stop().await).0
        };
        assert!(matches!(error, StopError::Vanished { .. }), "{error:?}");
        let took = began.elapsed();
        assert!(took >= millis(10_000) && took < millis(13_000), "{took:?}");
        // What was seen may have been replaced by another client's.
        assert_eq!(stops(&fake) == 0, was_seen);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_does_not_show_yet_is_told_to_stop_at_once_unless_it_was_seen_before() {
    let not_shown = |fake: &FakeTransport| {
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(404, &json!({"error": "Pipeline not found"}));
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(200, &json!({"data": []}));
    };
    let fake = FakeTransport::new();
    let hidden = running(&fake, options()).await;
    not_shown(&fake);
    shows(&fake, &[job("Running")]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(&fake, &[undesired("Stopped")]);
    let _ = hidden.stop().await.unwrap();

    let fake = FakeTransport::new();
    let new = registered(&fake, options()).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(404, &json!({"error": "Pipeline not found"}));
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    not_shown(&fake);
    shows(&fake, &[undesired("Stopped")]);
    let _ = new.stop().await.unwrap();
}

/// That a look is not answered says nothing of the pipeline, and a stop that is never told is worse.
#[tokio::test(start_paused = true)]
async fn where_no_look_is_answered_the_stop_is_told_after_half_of_the_deadline() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    let looks = fake.expect(Method::GET, jobs_path("pl_1")).lost().always();
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let (stopped, ()) = tokio::join!(running.stop(), async {
        tokio::time::sleep(millis(4_900)).await;
        assert_eq!(stops(&fake), 0);
        tokio::time::sleep(millis(2_100)).await;
        assert_eq!(stops(&fake), 1);
        let _ = looks.reply_json(200, &json!({"data": [undesired("Stopped")]}));
    });
    let _ = stopped.unwrap();
}

/// A look that is not answered does not show the pipeline again.
#[tokio::test(start_paused = true)]
async fn a_pipeline_that_was_missed_is_not_told_to_stop_when_looks_are_not_answered_any_more() {
    for (status, body) in [
        (404, json!({"error": "Pipeline not found"})),
        (200, json!({"data": []})),
    ] {
        let fake = FakeTransport::any_order();
        let running = running(&fake, options()).await;
        let looks = fake
            .expect(Method::GET, jobs_path("pl_1"))
            .reply_json(status, &body)
            .always();
        let told = fake.patch("pl_1", json!({"stop": "checkpoint"})).always();
        let (stopped, ()) = tokio::join!(running.stop(), async {
            tokio::time::sleep(seconds(6)).await;
            let looks = looks.lost();
            tokio::time::sleep(seconds(2)).await;
            assert_eq!(stops(&fake), 0, "{status}");
            let _ = looks.reply_json(200, &json!({"data": [undesired("Stopped")]}));
        });
        let _ = (stopped.unwrap(), told);
    }
}

/// The job of another client's pipeline under the id of ours.
fn anothers() -> Value {
    job("Running").with("id", json!("job_2"))
}

/// The reply to the stop is lost. Before it is told again, the pipeline is deleted, and made anew by somebody else.
fn replaced_after_a_lost_stop(fake: &FakeTransport, is_missed: bool) {
    shows(fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"})).lost();
    if is_missed {
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(404, &json!({"error": "Pipeline not found"}));
        fake.expect(Method::GET, jobs_path("pl_1")).lost();
    }
    shows(fake, &[anothers()]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_lost_is_not_told_again_to_a_pipeline_that_another_client_made_anew() {
    for is_missed in [true, false] {
        let fake = FakeTransport::new();
        let replaced = running(&fake, options()).await;
        replaced_after_a_lost_stop(&fake, is_missed);
        let (error, _) = stop_error(replaced.stop().await);
        assert!(matches!(error, StopError::Vanished { .. }), "{error:?}");
        assert_eq!(stops(&fake), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nor_does_a_shutdown_tell_it_again() {
    for is_missed in [true, false] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
        replaced_after_a_lost_stop(&fake, is_missed);
        let report = shutdown.stop_all(policy()).await.unwrap();
        assert!(
            matches!(only_entry(&report).end, ShutdownEnd::Deleted),
            "{report}"
        );
        assert_eq!(stops(&fake), 1);
    }
}

/// While a stop was not answered for ten seconds, nothing was looked at.
#[tokio::test(start_paused = true)]
async fn one_look_that_fails_after_a_stop_that_was_not_answered_allows_no_blind_one() {
    let fake = FakeTransport::new();
    let options = options()
        .with_request_timeout(seconds(11))
        .with_stop_timeout(seconds(60));
    let running = running(&fake, options).await;
    shows(&fake, &[job("Running")]);
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"})).hang();
    fake.expect(Method::GET, jobs_path("pl_1")).lost();
    // Another client has deleted it, and made one anew under its id.
    shows(&fake, &[job("Running").with("id", json!("job_2"))]);
    let failure = running.stop().await.unwrap_err();
    assert_eq!(failure.error().code(), "stop.vanished");
    fake.finish();
}

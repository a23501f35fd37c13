//! How the rows of a pipeline end: with the stream, or soon after the job.

use serde_json::json;
use stepwell::{
    OnShutdown,
    transport::{FakeTransport, http::Method},
};
use tokio::time::Instant;

use crate::{
    rows::{all, event, row, selecting, selecting_with, stream},
    support::*,
};

#[tokio::test(start_paused = true)]
async fn a_stream_that_stays_open_ends_soon_after_the_job() {
    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    stream(&fake)
        .piece(event(7))
        .pause(seconds(11))
        .piece(event(8))
        .fall_silent();
    shows(&fake, &[job("Running"), job("Failed")]);
    let started = Instant::now();
    let mut rows = running.rows();
    assert_eq!(
        all(&mut rows).await.unwrap(),
        [row(7, 0, false), row(8, 0, false)]
    );
    assert!(!rows.is_complete(), "its last rows may be missing");
    assert_eq!(started.elapsed(), seconds(12));
}

/// Like a real server: the stream ends a moment before the job is seen Stopped.
#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_while_we_stop_the_pipeline_is_the_end() {
    for by_shutdown in [false, true] {
        let fake = FakeTransport::any_order();
        let running = selecting_with(&fake, options().with_on_shutdown(OnShutdown::Stop)).await;
        stream(&fake)
            .piece(event(7))
            .pause(millis(600))
            .piece(event(8));
        let mut rows = running.rows();
        assert_eq!(rows.next().await.unwrap().unwrap().rows, ["7"]);
        shows(&fake, &[job("Running")]);
        fake.checkpoints(&[]);
        fake.patch("pl_1", json!({"stop": "checkpoint"}));
        fake.expect(Method::GET, jobs_path("pl_1"))
            .delay(millis(1_500))
            .reply_json(200, &json!({"data": [undesired("Stopped")]}));
        fake.checkpoints(&[]);
        let reading = async {
            let began = Instant::now();
            let all = all(&mut rows).await.unwrap();
            assert_eq!(all, [row(8, 0, false)]);
            assert!(began.elapsed() <= millis(601), "{:?}", began.elapsed());
        };
        if by_shutdown {
            let shutdown = running.shutdown().clone();
            let (report, ()) = tokio::join!(shutdown.stop_all(policy()), reading);
            report.unwrap();
        } else {
            let (stopped, ()) = tokio::join!(running.stop(), reading);
            let _ = stopped.unwrap();
        }
        assert!(rows.is_complete());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_when_the_job_is_seen_to_stop_is_the_end() {
    for last in [
        undesired("CheckpointStopping"),
        undesired("Running"),
        job("Finishing"),
    ] {
        let fake = FakeTransport::new();
        let running = selecting(&fake).await;
        stream(&fake).piece(event(7));
        shows(&fake, &[last]);
        let began = Instant::now();
        let mut rows = running.rows();
        assert_eq!(all(&mut rows).await.unwrap(), [row(7, 0, false)]);
        assert!(rows.is_complete());
        assert!(began.elapsed() < millis(10), "{:?}", began.elapsed());
    }
}

/// A subscription that is opened between the end of the stream and the end of the job is accepted, and stays silent forever.
#[tokio::test(start_paused = true)]
async fn a_stream_that_was_opened_too_late_hides_neither_the_end_nor_the_next_run() {
    let fake = FakeTransport::new();
    let running = selecting(&fake).await;
    stream(&fake).piece(event(7));
    shows(&fake, &[job("Running")]);
    stream(&fake).fall_silent();
    // Another client has restarted it.
    shows(&fake, &[job("Running").with("run_id", json!(2))]);
    stream(&fake).piece(event(8));
    shows(&fake, &[job("Running").with("run_id", json!(2))]);
    stream(&fake).fall_silent();
    shows(&fake, &[job("Finished")]);
    let mut rows = running.rows();
    let began = Instant::now();
    assert_eq!(
        all(&mut rows).await.unwrap(),
        [row(7, 0, false), row(8, 0, false)]
    );
    assert!(rows.is_complete());
    // Two silences of 5 s, but no wait for the last rows.
    assert!(began.elapsed() < seconds(11), "{:?}", began.elapsed());
}

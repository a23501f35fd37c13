//! Which run counts after a resume: the state of the previous run stays visible for a while.

use serde_json::{Value, json};
use stepwell::{
    Error,
    error::WaitError,
    transport::{FakeTransport, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

/// Waits after a resume, given what the job shows then, and returns the run that counted.
async fn wait_after(
    stop: &str,
    before: Value,
    requests: usize,
    shown: &[Value],
) -> Result<u64, Error> {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), stop, before).await;
    fake.expect(Method::PATCH, path("pl_1"))
        .reply(200, "")
        .always();
    fake.expect(Method::POST, RESTART).reply(200, "").always();
    let registered = resumed(validated.resolve().await.unwrap()).register();
    assert_eq!(fake.requests().len(), 4 + requests);
    let (last, first) = shown.split_last().unwrap();
    for job in first {
        fake.jobs("pl_1", job.clone());
    }
    shows_always(&fake, last);
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/errors?")
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    let running = registered.wait_until_running().await?;
    Ok(running.job().run_id)
}

fn run(run_id: u64, job: Value) -> Value {
    job.with("run_id", json!(run_id))
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_run_before_does_not_count_after_a_resume() {
    let stopped = undesired("Stopped");
    let shown = [
        stopped.clone(),
        job("Stopped"),
        job("Scheduling"),
        run(2, job("Running")),
    ];
    assert_eq!(
        wait_after("checkpoint", stopped, 1, &shown).await.unwrap(),
        2
    );
    let shown = [job("Failed"), job("Restarting"), run(2, job("Running"))];
    assert_eq!(
        wait_after("none", job("Failed"), 1, &shown).await.unwrap(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_new_run_does_count() {
    let shown = [job("Failed"), run(2, job("Failed"))];
    let error = wait_after("none", job("Failed"), 1, &shown)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Wait {
                source: WaitError::Failed { .. }
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_stays_the_old_one_is_named_at_the_deadline() {
    let error = wait_after("none", job("Failed"), 1, &[job("Failed")])
        .await
        .unwrap_err();
    let Error::Wait {
        source: error @ WaitError::Deadline { .. },
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(
        chain(error).contains("last seen in Failed, run 1"),
        "{}",
        chain(error)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_that_is_running_in_its_old_run_is_not_running() {
    let shown = [run(1, job("Running")), run(1, job("Running"))];
    let error = wait_after("none", job("Failed"), 1, &shown)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Wait {
                source: WaitError::Deadline { .. }
            }
        ),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_patch_running_in_the_old_run_counts_only_when_it_stays_so_for_two_ticks() {
    let started = Instant::now();
    let shown = [job("Running")];
    let run_id = wait_after("checkpoint", undesired("CheckpointStopping"), 1, &shown)
        .await
        .unwrap();
    assert_eq!(run_id, 1);
    assert_eq!(started.elapsed(), seconds(1));
    // Still shown as Running for a tick, then stopped and started.
    let shown = [
        undesired("Running"),
        undesired("Running"),
        job("Stopped"),
        job("Scheduling"),
        run(2, job("Running")),
    ];
    let run_id = wait_after("checkpoint", undesired("Running"), 1, &shown)
        .await
        .unwrap();
    assert_eq!(run_id, 2);
}

/// As long as the server is away, its controller may be, too: the two ticks begin with the first look that succeeds.
#[tokio::test(start_paused = true)]
async fn running_in_the_old_run_does_not_count_at_the_first_look_after_an_outage() {
    let fake = FakeTransport::new();
    let before = undesired("CheckpointStopping");
    let validated = with_job(&fake, spec(), "checkpoint", before).await;
    fake.patch("pl_1", json!({"stop": "none"}));
    let registered = resumed(validated.resolve().await.unwrap()).register();
    for _ in 0..5 {
        fake.expect(Method::GET, jobs_path("pl_1"))
            .delay(millis(300))
            .reply(502, "");
    }
    shows(
        &fake,
        &[job("Running"), job("Stopped"), run(2, job("Running"))],
    );
    let running = registered.wait_until_running().await.unwrap();
    assert_eq!(running.job().run_id, 2);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_was_left_alone_is_running_as_soon_as_it_is_seen_so() {
    let started = Instant::now();
    let run_id = wait_after("none", job("Running"), 0, &[job("Running")])
        .await
        .unwrap();
    assert_eq!((run_id, started.elapsed()), (1, seconds(0)));
}

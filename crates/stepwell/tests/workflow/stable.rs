//! Waiting until a job has been Running for a while.

use serde_json::json;
use stepwell::{
    error::WaitError,
    transport::{FakeTransport, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn stable_means_running_in_one_run_for_that_long() {
    let fake = FakeTransport::new();
    let stable = registered(&fake, options().with_stable_for(seconds(5))).await;
    shows_always(&fake, &job("Running"));
    let started = Instant::now();
    let _ = stable.wait_until_running().await.unwrap();
    assert_eq!(started.elapsed(), seconds(5));

    // Running for a moment, like a query that fails on its first rows.
    let fake = FakeTransport::new();
    let flapping = registered(&fake, options().with_stable_for(seconds(5))).await;
    shows(&fake, &["Scheduling", "Running", "Recovering"].map(job));
    fake.newest_errors(&[]);
    shows(&fake, &["Running", "Failed"].map(job));
    fake.expect(Method::GET, "/api/v1/pipelines/pl_1/jobs/job_1/errors?")
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    let (error, _) = wait_error(flapping.wait_until_running().await);
    assert!(matches!(error, WaitError::Failed { .. }), "{error:?}");
}

/// The job was Running from the first reply to the last request. While a reply is on its way, that is not certain.
#[tokio::test(start_paused = true)]
async fn the_time_that_a_reply_takes_is_no_stable_time() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options().with_stable_for(seconds(5))).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .delay(seconds(2))
        .reply_json(200, &json!({"data": [job("Running")]}))
        .always();
    let started = Instant::now();
    let _ = registered.wait_until_running().await.unwrap();
    assert!(started.elapsed() >= seconds(9), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_new_run_and_a_recovery_begin_the_stable_time_anew() {
    for between in [job("Recovering"), job("Running").with("run_id", json!(2))] {
        let fake = FakeTransport::new();
        let registered = registered(&fake, options().with_stable_for(seconds(5))).await;
        // 20 ms, 30 ms, 45 ms, 67 ms, … between the polls.
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(200, &json!({"data": [job("Running")]}))
            .times(14);
        shows(&fake, std::slice::from_ref(&between));
        fake.newest_errors(&[logged("jlm_1", 3, "a reason")]);
        let after = if between["state"] == "Running" {
            between
        } else {
            job("Running")
        };
        shows_always(&fake, &after);
        let started = Instant::now();
        let _ = registered.wait_until_running().await.unwrap();
        assert!(started.elapsed() > millis(6_500), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn the_stable_time_comes_on_top_of_the_deadline() {
    let fake = FakeTransport::new();
    let options = options()
        .with_running_timeout(seconds(10))
        .with_stable_for(seconds(9));
    let registered = registered(&fake, options).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": [job("Scheduling")]}))
        .times(20);
    shows_always(&fake, &job("Running"));
    let _ = registered.wait_until_running().await.unwrap();
}

/// Found by the simulation: other clients deleted the pipeline and created it again.
#[tokio::test(start_paused = true)]
async fn a_pipeline_that_is_made_anew_under_its_id_is_not_the_one_that_was_to_be_stable() {
    let fake = FakeTransport::new();
    let stable = options().with_stable_for(seconds(2));
    let validated = validated_with(fake.clone(), &fake, spec(), stable).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Running"));
    let registered = validated.resolve().await.unwrap().register();
    fake.jobs("pl_1", job("Running"));
    // Nor is it in a wait that is begun anew.
    let another = job("Running").with("id", json!("job_2"));
    shows(&fake, &[another.clone(), another]);
    let (error, registered) = wait_error(registered.wait_until_running().await);
    assert!(matches!(error, WaitError::Vanished { .. }), "{error:?}");
    let (error, _) = wait_error(registered.wait_until_running().await);
    assert!(matches!(error, WaitError::Vanished { .. }), "{error:?}");
}

/// What a server shows for a tick of its controller (0.5 s) is seen, although each reply takes a while.
#[tokio::test(start_paused = true)]
async fn what_lasts_a_tick_is_seen_while_stability_is_proved() {
    let fake = FakeTransport::new();
    let registered = registered(&fake, options().with_stable_for(seconds(20))).await;
    fake.expect(Method::GET, jobs_path("pl_1"))
        .delay(millis(200))
        .reply_json(200, &json!({"data": [job("Running")]}))
        .always();
    let asked = async {
        tokio::time::sleep(seconds(10)).await;
        let before = fake.requests().len();
        tokio::time::sleep(seconds(9)).await;
        fake.requests().len() - before
    };
    let (running, asked) = tokio::join!(registered.wait_until_running(), asked);
    let _ = running.unwrap();
    // With two looks in each tick there are at least 18 in nine seconds.
    assert!(asked >= 18, "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_times_change_between_two_looks_begins_to_be_stable_anew() {
    for (field, at) in [
        ("start_time", T0 + 9_000_000),
        ("finish_time", T0 + 8_000_000),
    ] {
        let fake = FakeTransport::new();
        let registered = registered(&fake, options().with_stable_for(seconds(5))).await;
        fake.expect(Method::GET, jobs_path("pl_1"))
            .reply_json(200, &json!({"data": [job("Running")]}))
            .times(10);
        let again = job("Running").with(field, json!(at));
        shows_always(&fake, &again);
        let started = Instant::now();
        let _ = registered.wait_until_running().await.unwrap();
        assert!(started.elapsed() > seconds(6), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_does_not_stay_running_is_told_with_how_often_and_why() {
    // As a server shows a job that fails and recovers every three seconds.
    let fake = FakeTransport::any_order();
    let short = options()
        .with_running_timeout(seconds(40))
        .with_stable_for(seconds(10));
    let registered = registered(&fake, short).await;
    let shown = fake.expect(Method::GET, jobs_path("pl_1")).always();
    fake.expect(Method::GET, NEWEST_ERRORS)
        .reply_json(
            200,
            &json!({"data": [logged("jlm_1", 3_000, "division by zero")], "hasMore": false}),
        )
        .always();
    let mut shown = shown.reply_json(200, &json!({"data": [job("Running")]}));
    let recovers = async {
        for run in 1_u64.. {
            let in_run = |state| json!({"data": [job(state).with("run_id", json!(run))]});
            shown = shown.reply_json(200, &in_run("Running"));
            tokio::time::sleep(millis(2_700)).await;
            shown = shown.reply_json(200, &in_run("Recovering"));
            tokio::time::sleep(millis(300)).await;
        }
    };
    let outcome = tokio::select! {
        biased;
        outcome = registered.wait_until_running() => outcome,
        () = recovers => unreachable!(),
    };
    let (error, _) = wait_error(outcome);
    let text = error.to_string();
    assert!(
        text.starts_with(
            "pipeline pl_1 ran, but did not stay running for 10 s: it restarted 16 times in"
        ) && text.ends_with("task failed: division by zero"),
        "{text}"
    );

    // Another client starts it anew again and again, which is no trouble of the job.
    let fake = FakeTransport::new();
    let short = options()
        .with_running_timeout(seconds(1))
        .with_stable_for(seconds(10));
    let registered = self::registered(&fake, short).await;
    let mut shown = shows_always(&fake, &job("Running"));
    let restarts = async {
        for start in 0_u64.. {
            let anew = job("Running").with("start_time", json!(T0 + start));
            shown = shown.reply_json(200, &json!({"data": [anew]}));
            tokio::time::sleep(seconds(4)).await;
        }
    };
    let outcome = tokio::select! {
        biased;
        outcome = registered.wait_until_running() => outcome,
        () = restarts => unreachable!(),
    };
    let (error, _) = wait_error(outcome);
    let text = error.to_string();
    assert!(
        text.contains("did not stay running for 10 s: it was interrupted 3 times"),
        "{text}"
    );
}

//! A restart of a failed job, whose repetition would begin one run more.

use serde_json::json;
use stepwell::{
    PipelineSpec,
    transport::{FakeTransport, Phase, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_restart_whose_reply_is_lost_is_repeated_only_while_the_job_is_failed_in_the_same_run() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    fake.expect(Method::POST, RESTART).lost();
    shows(&fake, &[job("Failed"), job("Failed")]);
    fake.expect(Method::POST, RESTART).lost();
    fake.jobs("pl_1", job("Restarting"));
    let _ = resumed(validated.resolve().await.unwrap());

    // Failed again, but in a new run: the restart has taken effect.
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    fake.expect(Method::POST, RESTART).lost();
    fake.jobs("pl_1", job("Failed").with("run_id", json!(2)));
    let _ = resumed(validated.resolve().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_lost_reply_to_a_restart_is_looked_into_only_after_two_ticks() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    fake.expect(Method::POST, RESTART).lost();
    fake.jobs("pl_1", job("Restarting"));
    let started = Instant::now();
    let _ = resumed(validated.resolve().await.unwrap());
    assert!(started.elapsed() >= seconds(1), "{:?}", started.elapsed());
}

/// While the server was away, another client may have restarted the job.
#[tokio::test(start_paused = true)]
async fn a_restart_that_did_not_leave_is_repeated_only_while_the_job_is_failed_in_the_same_run() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    fake.expect(Method::POST, RESTART).refused();
    fake.jobs("pl_1", job("Failed"));
    fake.expect(Method::POST, RESTART).reply(200, "");
    let _ = resumed(validated.resolve().await.unwrap());

    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    fake.expect(Method::POST, RESTART).refused();
    let second = job("Running").with("run_id", json!(2));
    fake.jobs("pl_1", second.clone());
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", second);
    let resumed = resumed(validated.resolve().await.unwrap());
    assert_eq!(resumed.resumed_from().unwrap().run_id, 2);
}

/// A look that is answered at last says nothing of a controller that has been away until then: its two ticks begin with that look.
#[tokio::test(start_paused = true)]
async fn a_restart_in_doubt_is_repeated_two_ticks_after_the_first_look_that_was_answered() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    fake.expect(Method::POST, RESTART).lost();
    fake.expect(Method::GET, jobs_path("pl_1")).refused();
    fake.jobs("pl_1", job("Failed"));
    fake.jobs("pl_1", job("Scheduling").with("run_id", json!(2)));
    let started = Instant::now();
    let _ = resumed(validated.resolve().await.unwrap());
    assert!(started.elapsed() >= seconds(2), "{:?}", started.elapsed());
}

/// The reply to the patch before it was lost for so long that another client has restarted the job, which has failed again.
#[tokio::test(start_paused = true)]
async fn a_restart_after_a_slow_patch_is_decided_anew_if_the_job_has_another_run() {
    let fake = FakeTransport::new();
    let spec = PipelineSpec::builder(QUERY)
        .name("orders")
        .parallelism(four())
        .build()
        .unwrap();
    let validated = with_job(&fake, spec, "none", job("Failed")).await;
    fake.expect(Method::PATCH, path("pl_1"))
        .delay(seconds(1))
        .lost();
    fake.patch("pl_1", json!({"parallelism": 4}));
    let second = undesired("Failed").with("run_id", json!(2));
    fake.jobs("pl_1", second.clone());
    let stopped = pipeline("pl_1", QUERY).with("stop", json!("checkpoint"));
    fake.list(&[stopped.with("graph", graph(4))]);
    fake.jobs("pl_1", second);
    fake.patch("pl_1", json!({"stop": "none"}));
    fake.expect(Method::POST, RESTART).reply(200, "");
    let resumed = resumed(validated.resolve().await.unwrap());
    assert_eq!(resumed.resumed_from().unwrap().run_id, 2);
}

/// The run that another client has begun is not the one that the patch will begin.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_found_after_a_slow_patch_counts_only_if_it_stays() {
    let fake = FakeTransport::new();
    let spec = PipelineSpec::builder(QUERY)
        .name("orders")
        .parallelism(four())
        .build()
        .unwrap();
    let validated = with_job(&fake, spec, "none", job("Failed")).await;
    fake.expect(Method::PATCH, path("pl_1"))
        .delay(seconds(1))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let run = |run_id: u64, state| job(state).with("run_id", json!(run_id));
    fake.jobs("pl_1", run(2, "Running"));
    fake.list(&[pipeline("pl_1", QUERY).with("graph", graph(4))]);
    fake.jobs("pl_1", run(2, "Running"));
    let registered = resumed(validated.resolve().await.unwrap()).register();
    let shown = [
        run(2, "Running"),
        run(2, "Rescaling"),
        run(3, "Scheduling"),
        run(3, "Running"),
    ];
    shows(&fake, &shown);
    let running = registered.wait_until_running().await.unwrap();
    assert_eq!(running.job().run_id, 3);
}

/// The deadline leaves no time to see whether the first one has taken effect.
#[tokio::test(start_paused = true)]
async fn a_restart_in_doubt_is_not_repeated_before_two_ticks_have_passed() {
    for (shown, is_found) in [("Failed", false), ("Restarting", true)] {
        let fake = FakeTransport::new();
        let short = options().with_resolve_timeout(millis(600));
        let validated = validated_with(fake.clone(), &fake, spec(), short).await;
        fake.list(&[pipeline("pl_1", QUERY)]);
        fake.jobs("pl_1", job("Failed"));
        fake.expect(Method::POST, RESTART).lost();
        fake.jobs("pl_1", job(shown));
        let outcome = validated.resolve().await;
        assert_eq!(outcome.is_ok(), is_found);
        if let Err(failure) = outcome {
            let error = failure.error();
            assert_eq!(error.phase(), Phase::MaybeSent, "{error:?}");
            assert_eq!(error.code(), "resolve.unanswered");
        }
    }
}

/// The second restart was never sent, but the first one may have arrived.
#[tokio::test(start_paused = true)]
async fn a_restart_in_doubt_stays_so_when_the_next_one_does_not_leave() {
    let fake = FakeTransport::new();
    let validated = with_job(&fake, spec(), "none", job("Failed")).await;
    fake.expect(Method::POST, RESTART).lost();
    shows(&fake, &[job("Failed"), job("Failed")]);
    fake.expect(Method::POST, RESTART).refused();
    fake.jobs("pl_1", job("Running").with("run_id", json!(2)));
    let _ = resumed(validated.resolve().await.unwrap());
}

/// While its reply was on its way, another client's restart may have begun a run, and that may have failed, too.
#[tokio::test(start_paused = true)]
async fn a_look_that_was_slow_is_repeated_before_a_restart() {
    let fake = FakeTransport::new();
    let validated = validated(&fake, spec()).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.expect(Method::GET, jobs_path("pl_1"))
        .delay(seconds(1))
        .reply_json(200, &json!({"data": [job("Failed")]}));
    let second = job("Running").with("run_id", json!(2));
    fake.jobs("pl_1", second.clone());
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", second);
    let resumed = resumed(validated.resolve().await.unwrap());
    assert_eq!(resumed.resumed_from().unwrap().run_id, 2);
    fake.finish();
}

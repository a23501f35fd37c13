use serde_json::{Value, json};
use stepwell::{
    OnShutdown, PipelineSpec, Shutdown, StopPolicy, Submission,
    shutdown::ShutdownEnd,
    spec::Identity,
    transport::{FakeTransport, SharedTransport, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

/// A pipeline that was found Running, with this option.
pub(crate) async fn found(
    fake: &FakeTransport,
    shutdown: &Shutdown,
    on_shutdown: OnShutdown,
    job: Value,
) {
    let options = options().with_on_shutdown(on_shutdown).under(shutdown);
    let validated = validated_with(fake.clone(), fake, spec(), options).await;
    let stop = if job["running_desired"] == json!(true) {
        "none"
    } else {
        "checkpoint"
    };
    fake.list(&[pipeline("pl_1", QUERY).with("stop", json!(stop))]);
    fake.jobs("pl_1", job);
    fake.expect(Method::PATCH, path("pl_1"))
        .with_json(json!({"stop": "none"}))
        .reply(200, "")
        .times(usize::from(stop != "none"));
    let _ = resumed(validated.resolve().await.unwrap()).register();
}

#[tokio::test(start_paused = true)]
async fn who_started_a_run_and_the_option_decide_what_is_stopped() {
    for (on_shutdown, job, stopped) in [
        (OnShutdown::StopIfStartedHere, job("Running"), false),
        (OnShutdown::StopIfStartedHere, undesired("Stopped"), true),
        (OnShutdown::Stop, job("Running"), true),
        (OnShutdown::Leave, undesired("Stopped"), false),
    ] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        found(&fake, &shutdown, on_shutdown, job).await;
        if stopped {
            expect_stop(&fake, "pl_1");
            assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
        } else {
            let report = shutdown.stop_all(policy()).await.unwrap();
            assert!(
                matches!(only_entry(&report).end, ShutdownEnd::Left),
                "{report}"
            );
            assert_eq!(
                report.to_string(),
                "pipeline \"orders\" (pl_1) was left as it is"
            );
        }
        // A second shutdown does not settle it again.
        assert!(
            shutdown
                .stop_all(policy())
                .await
                .unwrap()
                .entries
                .is_empty()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn everything_under_one_shutdown_is_stopped_at_once_and_one_failure_does_not_hide_the_rest() {
    let fake = FakeTransport::any_order();
    let shutdown = Shutdown::new();
    let transport = SharedTransport::new(fake.clone());
    for number in 0..3 {
        let name = format!("pl-{number}");
        let spec = PipelineSpec::builder(format!("SELECT {number}"))
            .name(&name)
            .identity(Identity::Given(id(&name)))
            .build()
            .unwrap();
        let options = options().under(&shutdown);
        let validated = validated_with(transport.clone(), &fake, spec, options).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path(&name)).reply_json(
            200,
            &pipeline(&name, &format!("SELECT {number}")).with("name", json!(name)),
        );
        let _ = created(validated.resolve().await.unwrap()).register();
        if number == 1 {
            fake.jobs(&name, job("Running"));
            fake.expect(
                Method::GET,
                format!("{}/job_1/checkpoints", jobs_path(&name)),
            )
            .reply_json(200, &json!({"data": []}));
            fake.patch(&name, json!({"stop": "checkpoint"}));
            fake.expect(Method::GET, jobs_path(&name))
                .reply_json(
                    200,
                    &json!({"data": [undesired("CheckpointStopping").with("pipeline_id", json!(name))]}),
                )
                .always();
        } else {
            expect_stop(&fake, &name);
        }
    }
    let started = Instant::now();
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(started.elapsed() <= seconds(31), "{:?}", started.elapsed());
    let ends: Vec<_> = error
        .report
        .entries
        .iter()
        .map(|entry| {
            (
                entry.name.as_str(),
                matches!(entry.end, ShutdownEnd::Ended { .. }),
            )
        })
        .collect();
    assert_eq!(ends, [("pl-0", true), ("pl-1", false), ("pl-2", true)]);
    assert_eq!(error.report.unsettled().count(), 1);
    assert!(
        error
            .to_string()
            .contains("last seen in CheckpointStopping"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_but_would_run_again_is_told_to_stop_too() {
    for state in ["Failed", "Finished"] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
        fake.jobs("pl_1", job(state));
        fake.checkpoints(&[]);
        fake.patch("pl_1", json!({"stop": "checkpoint"}));
        fake.jobs("pl_1", undesired(state));
        fake.checkpoints(&[]);
        let report = shutdown.stop_all(policy()).await.unwrap();
        assert!(
            matches!(&only_entry(&report).end, ShutdownEnd::Ended { state: ended, .. } if ended.as_str() == state),
            "{report}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_was_deleted_meanwhile_is_reported_as_that_and_not_as_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    fake.unknown("pl_1");
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::Deleted),
        "{report}"
    );
    assert!(report.to_string().contains("was deleted"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_left_has_started_nothing() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options()
        .with_on_shutdown(OnShutdown::StopIfStartedHere)
        .with_resolve_timeout(seconds(2))
        .under(&shutdown);
    let validated = validated_with(fake.clone(), &fake, spec(), options).await;
    fake.list(&[pipeline("pl_1", QUERY).with("stop", json!("checkpoint"))]);
    fake.jobs("pl_1", undesired("Stopped"));
    fake.expect(Method::PATCH, path("pl_1")).refused().always();
    let _ = validated.resolve().await.unwrap_err();
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(only_entry(&report).end, ShutdownEnd::Left),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stop_of_everything_can_be_taken_up_again() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    let shown = shows_always(&fake, &job("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let cut = tokio::time::timeout(millis(500), shutdown.stop_all(policy())).await;
    assert!(cut.is_err());
    assert!(shutdown.is_begun());
    let _ = shown.reply_json(200, &json!({"data": [undesired("Stopped")]}));
    fake.checkpoints(&[checkpoint(6, "stopping", true)]);
    fake.expect(Method::GET, path("pl_1")).reply_json(
        200,
        &pipeline("pl_1", QUERY).with("stop", json!("checkpoint")),
    );
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

/// More than there may be requests at the same time: what is limited is requests, not pipelines.
#[tokio::test(start_paused = true)]
async fn all_are_asked_to_stop_at_once_however_long_each_takes() {
    const PIPELINES: usize = 70;
    let fake = FakeTransport::any_order();
    let shutdown = Shutdown::new();
    let options = options().with_on_shutdown(OnShutdown::Stop);
    for number in 0..PIPELINES {
        let name = format!("pl_{number}");
        fake.expect(Method::GET, path(&name))
            .reply_json(200, &pipeline(&name, QUERY));
        let attached = Submission::attach(fake.clone(), id(&name), &shutdown, options.clone());
        let _ = attached.await.unwrap();
        fake.expect(Method::GET, jobs_path(&name))
            .reply_json(200, &json!({"data": [job("Running")]}))
            .always();
        fake.expect(
            Method::GET,
            format!("/api/v1/pipelines/{name}/jobs/job_1/checkpoints"),
        )
        .reply_json(200, &json!({"data": []}))
        .always();
        fake.expect(Method::PATCH, path(&name))
            .reply_json(200, &pipeline(&name, QUERY));
    }
    let stopping = shutdown.clone();
    let stopping = tokio::spawn(async move {
        let policy = StopPolicy::builder().deadline(seconds(30)).build();
        stopping.stop_all(policy).await.map(|_| ())
    });
    tokio::time::sleep(millis(500)).await;
    let asked = fake
        .requests()
        .iter()
        .filter(|sent| sent.method == Method::PATCH)
        .count();
    assert_eq!(asked, PIPELINES);
    stopping.abort();
}

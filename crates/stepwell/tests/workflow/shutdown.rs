use serde_json::{Value, json};
use stepwell::{
    Error, Escalation, Identity, JobState, OnShutdown, OptionsBuilder, PipelineSpec, ResolveError,
    Shutdown, ShutdownEnd, ShutdownReport, StopMode, StopPolicy, Submission, Unsettled, Validated,
    transport::{FakeTransport, SharedTransport, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

/// Stops with 30 s to do so.
fn policy() -> StopPolicy {
    StopPolicy::builder().deadline(seconds(30)).build()
}

/// A submission under `shutdown` to a server without pipelines.
async fn about_to_create(
    fake: &FakeTransport,
    shutdown: &Shutdown,
    spec: PipelineSpec,
    options: OptionsBuilder,
) -> Submission<Validated> {
    let validated = validated_with(fake.clone(), fake, spec, options.shutdown(shutdown)).await;
    fake.list(&[]);
    validated
}

fn server_assigned() -> PipelineSpec {
    PipelineSpec::builder(QUERY)
        .name("orders")
        .identity(Identity::ServerAssigned)
        .build()
        .unwrap()
}

/// Expects exactly one stop of the pipeline, which it obeys.
fn expect_stop(fake: &FakeTransport, id: &str) {
    fake.jobs(id, job("Scheduling"));
    fake.expect(Method::GET, format!("{}/job_1/checkpoints", jobs_path(id)))
        .reply_json(200, &json!({"data": []}));
    fake.patch(id, json!({"stop": "checkpoint"}));
    fake.jobs(id, undesired("Stopping"));
    fake.jobs(id, undesired("Stopped"));
    fake.expect(Method::GET, format!("{}/job_1/checkpoints", jobs_path(id)))
        .reply_json(200, &json!({"data": [checkpoint(1, "stopping", true)]}));
}

/// That one pipeline was stopped with a final checkpoint.
#[track_caller]
fn assert_stopped(report: &ShutdownReport, id: &str) {
    let [entry] = &report.entries[..] else {
        panic!("{report}");
    };
    assert_eq!(entry.name, "orders");
    assert_eq!(
        entry.id.as_ref().map(stepwell::PipelineId::as_str),
        Some(id)
    );
    assert!(
        matches!(
            entry.end,
            ShutdownEnd::Ended {
                state: JobState::Stopped,
                final_checkpoint: Some(true),
                ..
            }
        ),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_signal_during_a_create_stops_the_pipeline_once_and_only_after_the_reply() {
    for spec in [spec(), server_assigned()] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let method = match spec.identity() {
            Identity::ServerAssigned => (Method::POST, PIPELINES.to_owned()),
            _ => (Method::PUT, path(spec_id())),
        };
        let validated = about_to_create(&fake, &shutdown, spec, options()).await;
        fake.expect(method.0, method.1)
            .delay(millis(1_500))
            .reply_json(200, &pipeline("pl_1", QUERY));
        expect_stop(&fake, "pl_1");
        let (outcome, report) = tokio::join!(validated.resolve(), async {
            tokio::time::sleep(seconds(1)).await;
            let report = shutdown.stop_all(policy()).await;
            (report, Instant::now())
        });
        assert!(matches!(outcome.unwrap_err().error(), Error::ShutdownBegun));
        assert_stopped(&report.0.unwrap(), "pl_1");
        assert_eq!(creates(&fake), 1);
        assert_eq!(count(&fake, &Method::PATCH, |_| true), 1);
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_caller_is_gone_is_still_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, spec(), options()).await;
    fake.expect(Method::PUT, path(spec_id()))
        .delay(seconds(1))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let cut = tokio::time::timeout(millis(1), validated.resolve()).await;
    assert!(cut.is_err());
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_refused_after_its_caller_is_gone_leaves_nothing_to_stop() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, spec(), options()).await;
    fake.expect(Method::PUT, path(spec_id()))
        .delay(seconds(1))
        .reply(422, "");
    assert!(
        tokio::time::timeout(millis(1), validated.resolve())
            .await
            .is_err()
    );
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(report.entries[0].end, ShutdownEnd::NotCreated),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_create_refused_as_a_duplicate_after_its_caller_is_gone_is_anothers_and_not_stopped() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, spec(), options()).await;
    fake.expect(Method::PUT, path(spec_id()))
        .delay(seconds(1))
        .reply_json(400, &json!({"error": "duplicate"}));
    assert!(
        tokio::time::timeout(millis(1), validated.resolve())
            .await
            .is_err()
    );
    let report = shutdown.stop_all(policy()).await.unwrap();
    assert!(
        matches!(report.entries[0].end, ShutdownEnd::NotCreated),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_after_a_dropped_one_finds_the_pipeline_and_creates_none() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, spec(), options()).await;
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline(spec_id(), QUERY));
    drop(validated.resolve().await.unwrap());
    let again = validated_with(fake.clone(), &fake, spec(), options()).await;
    fake.list(&[pipeline(spec_id(), QUERY)]);
    fake.jobs(spec_id(), job("Scheduling"));
    let _ = resumed(again.resolve().await.unwrap());
    assert_eq!(creates(&fake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_outcome_is_unknown_is_settled_and_stopped() {
    for (spec, chosen) in [(spec(), true), (server_assigned(), false)] {
        let fake = FakeTransport::new();
        let shutdown = Shutdown::new();
        let settle = options()
            .settle_timeout(millis(1))
            .resolve_timeout(seconds(1));
        let validated = about_to_create(&fake, &shutdown, spec, settle).await;
        let found = if chosen { spec_id() } else { "pl_1".to_owned() };
        if chosen {
            fake.expect(Method::PUT, path(spec_id())).hang();
            fake.expect(Method::GET, path(spec_id())).lost().times(2);
        } else {
            fake.expect(Method::POST, PIPELINES).hang();
            fake.expect(Method::GET, LIST).lost().times(1);
        }
        let (error, _) = resolve_error(validated.resolve().await);
        assert!(
            matches!(error, ResolveError::OutcomeUnknown { .. }),
            "{error:?}"
        );
        if chosen {
            fake.not_there(spec_id());
            fake.expect(Method::GET, path(spec_id()))
                .reply_json(200, &pipeline(spec_id(), QUERY));
        } else {
            fake.list(&[]);
            fake.list(&[pipeline("pl_1", QUERY)]);
        }
        expect_stop(&fake, &found);
        assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), &found);
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_never_shows_is_in_the_report_and_the_next_call_goes_on_with_it() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(&fake, &shutdown, server_assigned(), options()).await;
    fake.expect(Method::POST, PIPELINES).lost();
    let listed = fake
        .expect(Method::GET, LIST)
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    let (error, _) = resolve_error(validated.resolve().await);
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    let started = Instant::now();
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(started.elapsed() <= seconds(30), "{:?}", started.elapsed());
    let [entry] = &error.report.entries[..] else {
        panic!("{error}");
    };
    assert!(
        matches!(
            &entry.end,
            ShutdownEnd::Unsettled {
                error: Unsettled::Absent,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!((entry.name.as_str(), &entry.id), ("orders", &None));
    for words in [
        "1 of 1 pipelines may still be running",
        "\"orders\"",
        "has not shown up",
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    let _ = listed.reply_json(
        200,
        &json!({"data": [pipeline("pl_1", QUERY)], "hasMore": false}),
    );
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_not_answered_by_the_deadline_is_under_way() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let validated = about_to_create(
        &fake,
        &shutdown,
        spec(),
        options()
            .request_timeout(seconds(60))
            .resolve_timeout(seconds(60)),
    )
    .await;
    fake.expect(Method::PUT, path(spec_id())).hang();
    assert!(
        tokio::time::timeout(millis(1), validated.resolve())
            .await
            .is_err()
    );
    let error = shutdown.stop_all(policy()).await.unwrap_err();
    assert!(
        matches!(
            &error.report.entries[0].end,
            ShutdownEnd::Unsettled {
                error: Unsettled::UnderWay,
                ..
            }
        ),
        "{error}"
    );
}

/// A pipeline that was found Running, under this option.
async fn found(fake: &FakeTransport, shutdown: &Shutdown, on_shutdown: OnShutdown, job: Value) {
    let options = options().shutdown(shutdown).on_shutdown(on_shutdown);
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
                matches!(report.entries[0].end, ShutdownEnd::Left),
                "{report}"
            );
            assert_eq!(
                report.to_string(),
                "pipeline \"orders\" (pl_1) was left as it is"
            );
        }
        // Once settled it is settled.
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
        let options = options().shutdown(&shutdown);
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
                .reply_json(200, &json!({"data": [undesired("CheckpointStopping")]}))
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
async fn nothing_is_escalated_that_was_not_asked_for_and_force_waits_for_the_checkpoint_to_end() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    found(&fake, &shutdown, OnShutdown::Stop, job("Running")).await;
    fake.jobs("pl_1", job("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    let shown = fake
        .expect(Method::GET, jobs_path("pl_1"))
        .reply_json(200, &json!({"data": [undesired("CheckpointStopping")]}))
        .always();
    fake.patch("pl_1", json!({"stop": "immediate"}));
    fake.patch("pl_1", json!({"stop": "force"}));
    fake.checkpoints(&[]);
    let policy = StopPolicy::builder()
        .deadline(seconds(60))
        .escalate(Escalation::new(seconds(20), StopMode::Force))
        .escalate(Escalation::new(seconds(10), StopMode::Immediate))
        .build();
    let stops = || count(&fake, &Method::PATCH, |_| true);
    let (report, ()) = tokio::join!(shutdown.stop_all(policy), async {
        tokio::time::sleep(seconds(9)).await;
        assert_eq!(stops(), 1);
        tokio::time::sleep(seconds(3)).await;
        assert_eq!(stops(), 2);
        tokio::time::sleep(seconds(18)).await;
        assert_eq!(stops(), 2, "force breaks a job in CheckpointStopping");
        let shown = shown.reply_json(200, &json!({"data": [undesired("Stopping")]}));
        tokio::time::sleep(seconds(1)).await;
        assert_eq!(stops(), 3);
        let _ = shown.reply_json(200, &json!({"data": [undesired("Stopped")]}));
    });
    let report = report.unwrap();
    assert!(
        matches!(
            report.entries[0].end,
            ShutdownEnd::Ended {
                final_checkpoint: Some(false),
                ..
            }
        ),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn once_it_has_begun_no_create_and_no_resume_is_sent() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let under = options().shutdown(&shutdown);
    let validated = validated_with(fake.clone(), &fake, spec(), under).await;
    shutdown.begin();
    assert!(shutdown.is_begun());
    shutdown.begun().await;
    let (error, validated) = validated.resolve().await.unwrap_err().into_parts();
    assert!(matches!(error, Error::ShutdownBegun), "{error:?}");
    assert!(matches!(validated.plan().await, Err(Error::ShutdownBegun)));
    assert_eq!(creates(&fake), 0);
    assert!(
        shutdown
            .stop_all(policy())
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn it_ends_a_resolve_between_the_list_and_the_create() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options().shutdown(&shutdown);
    let validated = validated_with(fake.clone(), &fake, spec(), options).await;
    fake.expect(Method::GET, LIST)
        .delay(millis(500))
        .reply_json(200, &json!({"data": [], "hasMore": false}));
    let (outcome, ()) = tokio::join!(validated.resolve(), async {
        tokio::time::sleep(millis(500)).await;
        shutdown.begin();
    });
    assert!(matches!(outcome.unwrap_err().error(), Error::ShutdownBegun));
    assert_eq!(creates(&fake), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_watching() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    running.shutdown().begin();
    assert!(matches!(running.ended().await, Err(Error::ShutdownBegun)));
}

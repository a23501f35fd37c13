//! Changing the settings of a pipeline that runs.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stepwell::{
    Error, Submission, TransitionError,
    observe::{Difference, Event},
    spec::{CheckpointInterval, Update},
    state::{Registered, Running},
    transport::{FakeTransport, Phase, http::Method},
};

use crate::support::*;

const INTERVAL: u64 = 30_000_000;

fn interval() -> Update {
    Update::new().checkpoint_interval(CheckpointInterval::new(seconds(30)).unwrap())
}

fn to_four() -> Update {
    Update::new().parallelism(four())
}

#[track_caller]
fn update_error(
    outcome: Result<Submission<Registered>, TransitionError<Running>>,
) -> (Error, Submission<Running>) {
    let (error, running) = outcome.unwrap_err().into_parts();
    assert!(matches!(error, Error::Change { .. }), "{error:?}");
    assert_eq!(error.pipeline_id(), Some(&id("pl_1")));
    (error, running)
}

fn patches(fake: &FakeTransport) -> usize {
    count(fake, &Method::PATCH, |_| true)
}

fn wide() -> Value {
    pipeline("pl_1", QUERY).with("graph", graph(4))
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_when_nothing_differs() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    let has = job("Running").with("env_vars", json!({"A": "b"}));
    shows_both(&fake, has, "none");
    let ten = CheckpointInterval::new(seconds(10)).unwrap();
    let update = Update::new()
        .parallelism(std::num::NonZeroU32::MIN)
        .checkpoint_interval(ten)
        .environment([("A", "b")])
        .scheduler_config(serde_json::Map::new());
    let registered = running.update(&update).await.unwrap();
    assert_eq!(patches(&fake), 0);
    assert!(registered.differences().is_empty());
    shows(&fake, &[job("Running")]);
    let running = registered.wait_until_running().await.unwrap();
    assert_eq!(running.job().run_id, 1);
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn only_what_differs_is_sent_in_one_request() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows_both(
        &fake,
        job("Running").with("env_vars", json!({"A": "b"})),
        "none",
    );
    let config = json!({"kubernetes-scheduler": {}});
    let sent = json!({"env_vars": {"A": "c"}, "scheduler_config": config});
    fake.patch("pl_1", sent);
    let shown = job("Running").with("env_vars", json!({"A": "c"}));
    shows(&fake, &[shown.with("scheduler_config", config.clone())]);
    let update = Update::new()
        .parallelism(std::num::NonZeroU32::MIN)
        .environment([("A", "c")])
        .scheduler_config(config.as_object().unwrap().clone());
    let registered = running.update(&update).await.unwrap();
    assert!(registered.differences().is_empty());
    fake.finish();
}

#[tokio::test(start_paused = true)]
async fn an_interval_holds_in_the_same_run_and_everything_else_begins_a_new_one() {
    for (update, sent, echo, next_run) in [
        (
            interval(),
            json!({"checkpoint_interval_micros": INTERVAL, "checkpointIntervalMicros": INTERVAL}),
            pipeline("pl_1", QUERY).with("checkpoint_interval_micros", json!(INTERVAL)),
            false,
        ),
        (to_four(), json!({"parallelism": 4}), wide(), true),
    ] {
        let fake = FakeTransport::new();
        let running = running(&fake, options()).await;
        shows_both(&fake, job("Running"), "none");
        fake.expect(Method::PATCH, path("pl_1"))
            .with_json(sent)
            .reply_json(200, &echo);
        let registered = running.update(&update).await.unwrap();
        shows(&fake, &[job("Running")]);
        if next_run {
            let second = |state| job(state).with("run_id", json!(2));
            shows(
                &fake,
                &[job("Rescaling"), second("Scheduling"), second("Running")],
            );
        }
        let running = registered.wait_until_running().await.unwrap();
        assert_eq!(running.job().run_id, 1 + u64::from(next_run));
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_older_server_ignores_is_a_difference() {
    let fake = FakeTransport::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&told);
    let tell = move |event: &Event| {
        if let Event::Differs { difference, .. } = event {
            observed.lock().unwrap().push(difference.clone());
        }
    };
    let running = running(&fake, options().with_observer(tell)).await;
    shows_both(&fake, job("Running"), "none");
    fake.patch("pl_1", json!({"env_vars": {"A": "b"}}));
    let _ = shows_always(&fake, &job("Running"));
    let _ = fake
        .expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY))
        .always();
    let update = Update::new().environment([("A", "b")]);
    let registered = running.update(&update).await.unwrap();
    assert_eq!(registered.differences(), [Difference::Environment]);
    assert_eq!(*told.lock().unwrap(), [Difference::Environment]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_a_look_before_it_is_sent_again() {
    for took_effect in [true, false] {
        let fake = FakeTransport::new();
        let running = running(&fake, options()).await;
        shows_both(&fake, job("Running"), "none");
        fake.expect(Method::PATCH, path("pl_1")).lost();
        shows(&fake, &[job("Running")]);
        if took_effect {
            fake.expect(Method::GET, path("pl_1"))
                .reply_json(200, &wide());
        } else {
            fake.expect(Method::GET, path("pl_1"))
                .reply_json(200, &pipeline("pl_1", QUERY));
            fake.expect(Method::PATCH, path("pl_1"))
                .reply_json(200, &wide());
        }
        let registered = running.update(&to_four()).await.unwrap();
        assert_eq!(patches(&fake), 1 + usize::from(!took_effect));
        // Running in the run before does not count, whichever request began the next one.
        shows(
            &fake,
            &[job("Running"), job("Running").with("run_id", json!(2))],
        );
        let running = registered.wait_until_running().await.unwrap();
        assert_eq!(running.job().run_id, 2);
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_answered_until_the_deadline_is_unknown() {
    let fake = FakeTransport::any_order();
    let running = running(&fake, options()).await;
    let _ = shows_always(&fake, &job("Running"));
    let _ = fake
        .expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY))
        .always();
    let _ = fake.expect(Method::PATCH, path("pl_1")).lost().always();
    let (error, _) = update_error(running.update(&to_four()).await);
    assert_eq!(error.code(), "update.outcome_unknown");
    assert_eq!(
        (error.phase(), error.is_retryable()),
        (Phase::MaybeSent, true)
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_run_is_not_updated() {
    for job in [undesired("Stopped"), job("Failing"), undesired("Running")] {
        let fake = FakeTransport::new();
        let running = running(&fake, options()).await;
        shows_both(&fake, job, "checkpoint");
        let (error, _) = update_error(running.update(&to_four()).await);
        assert_eq!(error.code(), "update.not_running");
        assert_eq!(patches(&fake), 0);
        fake.finish();
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_without_the_environment() {
    let fake = FakeTransport::new();
    let running = running(&fake, options()).await;
    shows_both(&fake, job("Running"), "none");
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(400, &json!({"error": "bad value 'correct horse battery'"}));
    let update = Update::new().environment([("PASSWORD", "correct horse battery")]);
    assert!(!format!("{update:?}").contains("horse"));
    let (error, running) = update_error(running.update(&update).await);
    assert_eq!(error.code(), "update.rejected");
    let text = format!("{} {error:?}", chain(&error));
    assert!(text.contains("bad value"), "{text}");
    assert!(!text.contains("horse"), "{text}");
    // It was handed back.
    assert_eq!(running.id().as_str(), "pl_1");
    fake.finish();
}

#[test]
fn an_update_of_a_spec_asks_for_what_the_spec_asks_for() {
    assert!(Update::of(&spec()).is_empty());
    let spec = stepwell::PipelineSpec::builder(QUERY)
        .parallelism(four())
        .build()
        .unwrap();
    assert_eq!(Update::of(&spec), to_four());
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_a_success_though_it_cannot_be_compared() {
    let fake = FakeTransport::any_order();
    let running = running(&fake, options()).await;
    fake.jobs("pl_1", job("Running"));
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    fake.patch("pl_1", json!({"env_vars": {"A": "b"}}));
    let _ = fake
        .expect(Method::GET, jobs_path("pl_1"))
        .reply(403, "")
        .always();
    let update = Update::new().environment([("A", "b")]);
    let registered = running.update(&update).await.unwrap();
    assert!(registered.differences().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_is_unknown_while_nothing_can_be_read() {
    for is_failing in [true, false] {
        let fake = FakeTransport::any_order();
        let running = running(&fake, options()).await;
        fake.jobs("pl_1", job("Running"));
        fake.expect(Method::GET, path("pl_1"))
            .reply_json(200, &pipeline("pl_1", QUERY));
        fake.expect(Method::PATCH, path("pl_1")).lost();
        if is_failing {
            fake.jobs("pl_1", job("Failing"));
            fake.expect(Method::GET, path("pl_1"))
                .reply_json(200, &pipeline("pl_1", QUERY));
        } else {
            let _ = fake
                .expect(Method::GET, jobs_path("pl_1"))
                .reply(503, "")
                .always();
        }
        let (error, running) = update_error(running.update(&to_four()).await);
        assert_eq!(error.code(), "update.outcome_unknown");
        assert_eq!(error.phase(), Phase::MaybeSent);

        // By the next call it has taken effect: the run before does not count.
        if is_failing {
            fake.jobs("pl_1", job("Running"));
            fake.expect(Method::GET, path("pl_1"))
                .reply_json(200, &wide());
            let registered = running.update(&to_four()).await.unwrap();
            fake.jobs("pl_1", job("Running"));
            let _ = shows_always(&fake, &job("Running").with("run_id", json!(2)));
            let running = registered.wait_until_running().await.unwrap();
            assert_eq!(running.job().run_id, 2);
        }
    }
}

//! A job that does not keep running: the events about it, and the error at the end of the wait.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stepwell::{
    Error, Options, Submission,
    error::{StopError, WaitError},
    observe::Event,
    state::Registered,
    transport::{FakeTransport, http::Method},
};
use tokio::time::Instant;

use crate::support::*;

type Told = Arc<Mutex<Vec<Event>>>;

fn observed() -> (Options, Told) {
    let told = Told::default();
    let telling = Arc::clone(&told);
    let options = options().with_observer(move |event: &Event| {
        if matches!(event, Event::JobTrouble { .. } | Event::JobRecovered { .. }) {
            telling.lock().unwrap().push(event.clone());
        }
    });
    (options, told)
}

fn in_run(run_id: u64, state: &str) -> Value {
    job(state).with("run_id", json!(run_id))
}

async fn registered(fake: &FakeTransport, options: Options) -> Submission<Registered> {
    let validated = validated_with(fake.clone(), fake, spec(), options).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Scheduling"));
    validated.resolve().await.unwrap().register()
}

/// Shows this job whenever no other expectation matches.
fn always(fake: &FakeTransport, job: &Value) {
    shows_always(fake, job);
}

fn troubles(told: &Told) -> Vec<(u64, u32, Option<String>)> {
    let told = told.lock().unwrap();
    let troubles = told.iter().filter_map(|event| match event {
        Event::JobTrouble {
            run_id,
            restarts,
            error,
            ..
        } => Some((
            *run_id,
            *restarts,
            error.as_ref().map(|error| error.details.clone()),
        )),
        _ => None,
    });
    troubles.collect()
}

#[tokio::test(start_paused = true)]
async fn the_reason_is_told_when_a_job_recovers_and_is_in_what_ends_the_wait() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    let registered = registered(&fake, options).await;
    shows(&fake, &[job("Scheduling"), job("Recovering")]);
    // The newest entry is not an error, and the oldest is from an earlier life of the job.
    let info = logged("jlm_3", 9, "for information").with("level", json!("info"));
    fake.newest_errors(&[
        info,
        logged("jlm_2", 3, "line 2: no number"),
        logged("jlm_1", 0, "old"),
    ]);
    always(&fake, &job("Recovering"));
    let error = registered
        .wait_until_running()
        .await
        .unwrap_err()
        .into_error();
    assert_eq!(
        troubles(&told),
        [(1, 1, Some("line 2: no number".to_owned()))]
    );
    let Error::Wait {
        source: source @ WaitError::Deadline {
            trouble: Some(_), ..
        },
    } = &error
    else {
        panic!("{error:?}");
    };
    let text = source.to_string();
    assert!(text.contains("it restarted once in"), "{text}");
    assert!(
        text.ends_with("newest error: task failed: line 2: no number"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_error_again_is_told_once_and_another_is_told() {
    let (options, told) = observed();
    let fake = FakeTransport::any_order();
    let options = options
        .with_running_timeout(seconds(60))
        .with_stable_for(seconds(30));
    let registered = registered(&fake, options).await;
    for (run_id, details) in [(1, "line 2"), (2, "line 17"), (3, "disk full")] {
        for _ in 0..4 {
            fake.expect(Method::GET, jobs_path("pl_1"))
                .delay(seconds(1))
                .reply_json(200, &json!({"data": [in_run(run_id, "Running")]}));
        }
        shows(&fake, &[in_run(run_id, "Recovering")]);
        fake.newest_errors(&[logged(details, 5, details)]);
    }
    always(&fake, &in_run(4, "Running"));
    let _ = registered.wait_until_running().await.unwrap();
    assert_eq!(
        troubles(&told),
        [
            (1, 1, Some("line 2".to_owned())),
            (3, 3, Some("disk full".to_owned()))
        ]
    );
    assert!(matches!(
        told.lock().unwrap().last(),
        Some(Event::JobRecovered { restarts: 3, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn one_that_ran_and_did_not_stay_so_is_not_called_one_that_was_not_running() {
    let (options, told) = observed();
    let fake = FakeTransport::any_order();
    let registered = registered(&fake, options.with_stable_for(seconds(10))).await;
    fake.expect(Method::GET, NEWEST_ERRORS)
        .reply_json(200, &json!({"data": [], "hasMore": false}))
        .always();
    // Releases up to 0.15 start a new run from time to time and log nothing.
    for run_id in 1..=4 {
        for _ in 0..4 {
            fake.expect(Method::GET, jobs_path("pl_1"))
                .delay(seconds(1))
                .reply_json(200, &json!({"data": [in_run(run_id, "Running")]}));
        }
    }
    always(&fake, &in_run(4, "Running"));
    let error = registered
        .wait_until_running()
        .await
        .unwrap_err()
        .into_error();
    let text = error.to_string();
    assert!(
        text.starts_with(
            "pipeline pl_1 ran, but did not stay running for 10 s: it restarted 3 times in "
        ),
        "{text}"
    );
    assert!(text.ends_with("; the server gives no reason"), "{text}");
    assert_eq!(troubles(&told), [(2, 1, None), (3, 2, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_slow_delays_no_state_and_is_told_when_it_comes() {
    let (options, told) = observed();
    let fake = FakeTransport::any_order();
    let registered = registered(&fake, options).await;
    shows(&fake, &[job("Recovering"), in_run(2, "Scheduling")]);
    fake.expect(Method::GET, NEWEST_ERRORS)
        .delay(millis(1_900))
        .reply_json(
            200,
            &json!({"data": [logged("jlm_1", 3, "slow")], "hasMore": false}),
        );
    shows(&fake, &[in_run(2, "Running")]);
    let began = Instant::now();
    let running = registered.wait_until_running().await.unwrap();
    assert!(began.elapsed() < millis(500), "{:?}", began.elapsed());
    assert!(troubles(&told).is_empty());
    // The next wait reads the log again, and reports the recovery once the job has stayed Running.
    fake.expect(Method::GET, NEWEST_ERRORS).reply_json(
        200,
        &json!({"data": [logged("jlm_1", 3, "slow")], "hasMore": false}),
    );
    for _ in 0..15 {
        fake.expect(Method::GET, jobs_path("pl_1"))
            .delay(seconds(1))
            .reply_json(200, &json!({"data": [in_run(2, "Running")]}));
    }
    shows(&fake, &[in_run(2, "Finished")]);
    running.ended().await.unwrap();
    assert_eq!(troubles(&told), [(1, 1, Some("slow".to_owned()))]);
    let told = told.lock().unwrap();
    let Some(Event::JobRecovered {
        restarts: 1,
        elapsed,
        ..
    }) = told.last()
    else {
        panic!("{told:?}");
    };
    assert!(*elapsed >= seconds(10), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_is_told_as_such_with_how_often_it_had_restarted() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    let registered = registered(&fake, options).await;
    shows(&fake, &[in_run(2, "Recovering")]);
    fake.newest_errors(&[logged("jlm_1", 3, "bad data")]);
    shows(&fake, &[in_run(3, "Scheduling"), in_run(3, "Failing")]);
    let failed = in_run(3, "Failed").with(
        "failure_reason",
        json!({"error": "Exhausted retries", "domain": "external"}),
    );
    shows(&fake, &[failed]);
    fake.expect(
        Method::GET,
        "/api/v1/pipelines/pl_1/jobs/job_1/errors?limit=1000",
    )
    .reply_json(
        200,
        &json!({"data": [logged("jlm_1", 3, "bad data")], "hasMore": false}),
    );
    let error = registered
        .wait_until_running()
        .await
        .unwrap_err()
        .into_error();
    let text = error.to_string();
    assert!(text.contains("failed after it restarted once in"), "{text}");
    assert!(
        text.ends_with("(external error): Exhausted retries"),
        "{text}"
    );
    assert_eq!(troubles(&told), [(2, 1, Some("bad data".to_owned()))]);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_is_no_trouble() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    let validated = validated_with(fake.clone(), &fake, spec(), options).await;
    fake.list(&[pipeline("pl_1", QUERY)]);
    fake.jobs("pl_1", job("Failed"));
    fake.expect(Method::POST, RESTART)
        .reply_json(200, &pipeline("pl_1", QUERY));
    let registered = validated.resolve().await.unwrap().register();
    shows(
        &fake,
        &[job("Failed"), job("Restarting"), in_run(2, "Scheduling")],
    );
    // Another client changes the parallelism, which starts a new run as well.
    shows(
        &fake,
        &[
            in_run(2, "Rescaling"),
            in_run(3, "Scheduling"),
            in_run(3, "Running"),
        ],
    );
    let running = registered.wait_until_running().await.unwrap();
    // Another client stops and starts it again.
    let stopped = in_run(3, "Stopped");
    shows(
        &fake,
        &[stopped, in_run(4, "Running"), in_run(4, "Finished")],
    );
    running.ended().await.unwrap();
    assert!(told.lock().unwrap().is_empty(), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_takes_too_long_says_in_which_trouble_the_job_is() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    let registered = registered(&fake, options).await;
    fake.jobs("pl_1", job("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"}));
    shows(&fake, &[undesired("Recovering")]);
    fake.newest_errors(&[logged("jlm_1", 3, "disk full")]);
    always(&fake, &undesired("Recovering"));
    let error = registered.stop().await.unwrap_err().into_error();
    assert!(
        matches!(
            &error,
            Error::Stop {
                source: StopError::Deadline { trouble: Some(trouble), .. }
            } if trouble.restarts == 1
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("newest error: task failed: disk full"),
        "{text}"
    );
    assert_eq!(troubles(&told), [(1, 1, Some("disk full".to_owned()))]);
}

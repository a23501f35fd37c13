use std::sync::{Arc, Mutex};

use serde_json::json;
use stepwell::{
    Options,
    observe::{Difference, Event, Step},
    transport::{FakeTransport, http::Method},
};

use crate::support::*;

/// Options with an observer that keeps every event.
fn observed() -> (Options, Arc<Mutex<Vec<Event>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let options =
        options().with_observer(move |event: &Event| telling.lock().unwrap().push(event.clone()));
    (options, told)
}

#[tokio::test(start_paused = true)]
async fn each_step_tells_its_beginning_and_its_end_and_how_long_it_took() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/ping")
        .delay(seconds(1))
        .reply_json(200, "Pong");
    fake.validation();
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    fake.jobs("pl_1", job("Running"));
    let outcome = submission_with(fake.clone(), chosen("pl_1"), options)
        .run()
        .await;
    assert!(matches!(outcome, Ok(stepwell::Outcome::Running(_))));
    let steps: Vec<_> = told
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            Event::StepStarted { step, .. } => Some((*step, None)),
            Event::StepFinished { step, elapsed, .. } => Some((*step, Some(*elapsed))),
            _ => None,
        })
        .collect();
    let mut wanted = Vec::new();
    for (step, took) in [
        (Step::Connect, 1),
        (Step::Validate, 0),
        (Step::Resolve, 0),
        (Step::Wait, 0),
    ] {
        wanted.extend([(step, None), (step, Some(seconds(took)))]);
    }
    assert_eq!(steps, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_tells_that_instead_of_its_end() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/ping").reply(401, "");
    let failure = submission_with(fake.clone(), spec(), options)
        .connect()
        .await
        .unwrap_err();
    let told = told.lock().unwrap();
    let [
        Event::StepStarted { .. },
        Event::StepFailed {
            subject,
            step,
            code,
            reason,
            ..
        },
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((*step, *code), (Step::Connect, failure.error().code()));
    assert_eq!(*reason, chain(failure.error()));
    assert_eq!(subject.name.as_deref(), Some("orders"));
}

#[tokio::test(start_paused = true)]
async fn events_say_whose_they_are_and_how_it_was_resolved() {
    for is_created in [true, false] {
        let (options, told) = observed();
        let fake = FakeTransport::new();
        let validated = validated_with(fake.clone(), &fake, chosen("pl_1"), options).await;
        if is_created {
            fake.list(&[]);
            fake.expect(Method::PUT, path("pl_1"))
                .reply_json(200, &pipeline("pl_1", QUERY));
        } else {
            fake.list(&[pipeline("pl_1", QUERY)]);
            fake.jobs("pl_1", job("Running"));
        }
        let registered = validated.resolve().await.unwrap().register();
        fake.expect(Method::GET, jobs_path("pl_1")).reply(502, "");
        shows(&fake, &[job("Running")]);
        let _ = registered.wait_until_running().await.unwrap();
        let told = told.lock().unwrap();
        let mut subjects = Vec::new();
        for event in told.iter() {
            match event {
                Event::StepStarted { subject, .. }
                | Event::StepFinished { subject, .. }
                | Event::Retrying { subject, .. }
                | Event::Answered { subject, .. } => subjects.push(subject.clone()),
                Event::Resolved {
                    pipeline_id,
                    is_created: told,
                } => {
                    assert_eq!((pipeline_id.as_str(), *told), ("pl_1", is_created));
                }
                _ => {}
            }
        }
        assert!(
            subjects
                .iter()
                .all(|of| of.name.as_deref() == Some("orders"))
        );
        // Not before it was found.
        assert!(subjects[0].id.is_none());
        let known = subjects.iter().filter(|of| of.id.is_some()).count();
        // The end of `resolve`, the wait, its failure and the answer after that, and the end of the wait.
        assert_eq!(known, 5, "{told:?}");
        assert!(
            told.iter()
                .any(|event| matches!(event, Event::Resolved { .. }))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_attached_to_tells_its_name_and_id() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    let attached = attached(&fake, options).await;
    shows(&fake, &[job("Running")]);
    let _ = attached.wait_until_running().await.unwrap();
    let told = told.lock().unwrap();
    let Event::StepStarted { subject, step, .. } = &told[0] else {
        panic!("{told:?}");
    };
    assert_eq!(*step, Step::Wait);
    assert_eq!(subject.name.as_deref(), Some("orders"));
    assert_eq!(subject.id, Some(id("pl_1")));
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_told() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    let validated = validated_with(fake.clone(), &fake, spec(), options).await;
    fake.list(&[pipeline("pl_1", QUERY).with("name", json!("another"))]);
    fake.jobs("pl_1", job("Running"));
    let _ = resumed(validated.resolve().await.unwrap());
    let told = told.lock().unwrap();
    assert!(
        told.iter().any(|event| matches!(
            event,
            Event::Differs { difference: Difference::Name { found }, pipeline_id, .. }
                if found == "another" && pipeline_id.as_str() == "pl_1"
        )),
        "{told:?}"
    );
}

/// The reported failures: the reason of each, and how many there were when the failing request succeeded.
fn failures(told: &[Event]) -> (Vec<&str>, Vec<(Step, u32, std::time::Duration)>) {
    let mut reasons = Vec::new();
    let mut ends = Vec::new();
    for event in told {
        match event {
            Event::Retrying { reason, .. } => reasons.push(reason.as_str()),
            Event::Answered {
                step,
                failures,
                elapsed,
                ..
            } => ends.push((*step, *failures, *elapsed)),
            _ => {}
        }
    }
    (reasons, ends)
}

#[tokio::test(start_paused = true)]
async fn equal_failures_are_equal_texts_and_their_end_is_told_with_their_count() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    // The third attempt has less time than the others, because the deadline is near.
    let options = options
        .with_connect_timeout(seconds(6))
        .with_request_timeout(seconds(2));
    fake.expect(Method::GET, "/api/v1/ping").hang().times(2);
    fake.ping();
    let connected = submission_with(fake.clone(), spec(), options)
        .connect()
        .await;
    let (_, told) = (connected.unwrap(), told.lock().unwrap().clone());
    let (reasons, ends) = failures(&told);
    assert_eq!(reasons.len(), 2);
    assert_eq!(reasons[0], reasons[1]);
    assert!(reasons[0].ends_with("no reply"), "{reasons:?}");
    let [(Step::Connect, 2, elapsed)] = ends[..] else {
        panic!("{ends:?}");
    };
    assert!(elapsed >= seconds(2) && elapsed < seconds(3), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn failures_of_each_step_are_told_to_be_over() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    let validate = "/api/v1/pipelines/validate_query";
    fake.expect(Method::GET, "/api/v1/ping").refused();
    fake.ping();
    fake.expect(Method::POST, validate).reply(502, "");
    fake.validation();
    fake.expect(Method::GET, LIST).reply(502, "");
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1")).refused();
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    fake.expect(Method::GET, jobs_path("pl_1")).lost().times(3);
    fake.jobs("pl_1", job("Running"));
    let submission = submission_with(fake.clone(), chosen("pl_1"), options);
    let Ok(stepwell::Outcome::Running(running)) = submission.run().await else {
        panic!();
    };
    fake.expect(Method::GET, jobs_path("pl_1")).lost();
    shows(&fake, &[job("Running")]);
    fake.expect(Method::PATCH, path("pl_1")).refused();
    shows(&fake, &[job("Running")]);
    fake.expect(Method::PATCH, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    shows(&fake, &[undesired("Stopped")]);
    let _ = running.stop().await.unwrap();
    let told = told.lock().unwrap();
    let (reasons, ends) = failures(&told);
    let ends: Vec<_> = ends
        .iter()
        .map(|(step, count, _)| (*step, *count))
        .collect();
    assert_eq!(
        ends,
        [
            (Step::Connect, 1),
            (Step::Validate, 1),
            (Step::Resolve, 1),
            (Step::Resolve, 1),
            (Step::Wait, 3),
            (Step::Stop, 1),
            (Step::Stop, 1)
        ]
    );
    assert_eq!(reasons.len(), 9);
}

/// The pipeline is seen ended before it is told to stop, or although the reply to that is lost.
#[tokio::test(start_paused = true)]
async fn failures_of_a_stop_are_told_to_be_over_when_its_job_is_seen_ended() {
    for is_told in [true, false] {
        let (options, told) = observed();
        let fake = FakeTransport::new();
        let running = running(&fake, options).await;
        if is_told {
            shows(&fake, &[job("Running")]);
            fake.checkpoints(&[]);
            fake.expect(Method::PATCH, path("pl_1")).lost();
        } else {
            fake.expect(Method::GET, jobs_path("pl_1")).lost();
        }
        shows(&fake, &[undesired("Stopped")]);
        if is_told {
            fake.checkpoints(&[]);
        }
        let _ = running.stop().await.unwrap();
        let told = told.lock().unwrap();
        let (reasons, ends) = failures(&told);
        assert_eq!(reasons.len(), 1);
        assert!(
            matches!(ends[..], [(Step::Stop, 1, _)]),
            "told to stop: {is_told}; {ends:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn failures_of_other_calls_are_told_under_their_own_names() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    let shutdown = stepwell::Shutdown::new();
    fake.expect(Method::GET, path("pl_1")).reply(502, "");
    fake.expect(Method::GET, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    let attached = stepwell::Submission::attach(fake.clone(), id("pl_1"), &shutdown, options);
    let attached = attached.await.unwrap();
    fake.expect(Method::GET, jobs_path("pl_1")).reply(502, "");
    shows(&fake, &[job("Running")]);
    attached.read_job().await.unwrap();
    shows(&fake, &[job("Running")]);
    let running = attached.wait_until_running().await.unwrap();
    fake.expect(Method::GET, jobs_path("pl_1")).reply(502, "");
    shows(&fake, &[job("Finished")]);
    running.ended().await.unwrap();
    let told = told.lock().unwrap();
    let (_, ends) = failures(&told);
    let steps: Vec<_> = ends.iter().map(|(step, ..)| *step).collect();
    assert_eq!(steps, [Step::Attach, Step::Read, Step::Watch]);
}

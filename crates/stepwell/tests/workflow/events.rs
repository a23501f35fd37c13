use std::sync::{Arc, Mutex};

use serde_json::json;
use stepwell::{
    Difference, Event, Step,
    transport::{FakeTransport, http::Method},
};

use crate::support::*;

/// Options whose observer keeps what it is told.
fn observed() -> (stepwell::OptionsBuilder, Arc<Mutex<Vec<Event>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let options =
        options().observer(move |event: &Event| telling.lock().unwrap().push(event.clone()));
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
    fake.expect(Method::PUT, path(spec_id()))
        .reply_json(200, &pipeline("pl_1", QUERY));
    fake.jobs("pl_1", job("Running"));
    let outcome = submission_with(fake.clone(), spec(), options).run().await;
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
async fn a_step_that_fails_does_not_tell_an_end() {
    let (options, told) = observed();
    let fake = FakeTransport::new();
    fake.expect(Method::GET, "/api/v1/ping").reply(401, "");
    let failure = submission_with(fake.clone(), spec(), options)
        .connect()
        .await;
    assert!(failure.is_err());
    let told = told.lock().unwrap();
    assert_eq!(*told, [told[0].clone()]);
    assert!(matches!(
        told[0],
        Event::StepStarted {
            step: Step::Connect,
            ..
        }
    ));
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

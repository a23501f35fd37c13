//! A host name that cannot be looked up: for now, or at all. Nothing is sent either way, so no server has refused anything.

use stepwell::{
    Error, Submission,
    state::Validated,
    transport::{FakeTransport, Phase, TransportErrorKind, http::Method},
};

use crate::support::*;

const VALIDATE: &str = "/api/v1/pipelines/validate_query";

/// A submission whose requests after the ping fail once like this, in the steps before `until`.
async fn steps(
    fake: &FakeTransport,
    kind: TransportErrorKind,
    until: usize,
) -> Result<Submission<Validated>, Error> {
    let connected = connected(fake, spec()).await;
    let fails = [(Method::POST, VALIDATE), (Method::GET, LIST)];
    let fail = |step: usize| {
        let (method, path) = fails[step].clone();
        fake.expect(method, path).fail(kind, Phase::NotSent);
    };
    if until == 0 {
        fail(0);
        return Ok(connected.validate().await?);
    }
    fake.validation();
    let validated = connected.validate().await?;
    if until == 1 {
        fail(1);
    } else {
        fake.list(&[]);
        fake.expect(Method::PUT, path(spec_id()))
            .fail(kind, Phase::NotSent);
    }
    let failure = validated.resolve().await.unwrap_err();
    Err(failure.into_error())
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_fails_for_now_is_tried_again_in_every_step() {
    let fake = FakeTransport::new();
    let lookup = |method, path: String| {
        fake.expect(method, path)
            .fail(TransportErrorKind::NameLookup, Phase::NotSent);
    };
    lookup(Method::GET, "/api/v1/ping".to_owned());
    fake.ping();
    lookup(Method::POST, VALIDATE.to_owned());
    fake.validation();
    lookup(Method::GET, LIST.to_owned());
    fake.list(&[]);
    lookup(Method::PUT, path("pl_1"));
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    lookup(Method::GET, jobs_path("pl_1"));
    fake.jobs("pl_1", job("Running"));
    submission(fake.clone(), chosen("pl_1"))
        .run()
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_never_left_was_not_refused_by_the_server() {
    for until in 0..3 {
        let fake = FakeTransport::new();
        let error = steps(&fake, TransportErrorKind::UnknownHost, until)
            .await
            .unwrap_err();
        assert_eq!(error.phase(), Phase::NotSent, "{error:?}");
        assert!(!error.is_retryable());
        let text = chain(&error);
        assert!(
            text.starts_with("could not ") && !text.contains("refused"),
            "{text}"
        );
    }
}

//! Code that is not ours: observers and transports that panic, and runtimes that are missing or end.

use std::{
    future::Future,
    num::NonZeroU32,
    pin::pin,
    task::{Context, Poll, Waker},
};

use serde_json::json;
use stepwell::{
    Error, Options, Outcome, Shutdown, StopPolicy, Submission,
    error::{ResolveError, StopError},
    observe::Event,
    shutdown::{ShutdownEnd, ShutdownEntry, Unsettled},
    spec::Update,
    transport::{
        FakeTransport, Phase, Transport, TransportError,
        bytes::Bytes,
        http::{Method, Request, Response},
    },
};
use tokio::runtime::Builder;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_observer_changes_no_step_and_no_shutdown() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let options = options().with_observer(|event: &Event| panic!("cannot draw {event:?}"));
    fake.expect(Method::GET, "/api/v1/ping").refused();
    fake.ping();
    fake.validation();
    fake.list(&[]);
    fake.expect(Method::PUT, path("pl_1"))
        .reply_json(200, &pipeline("pl_1", QUERY));
    fake.jobs("pl_1", job("Running"));
    let under = options.under(&shutdown);
    let outcome = submission_with(fake.clone(), chosen("pl_1"), under)
        .run()
        .await;
    assert!(matches!(outcome, Ok(Outcome::Running(_))));
    expect_stop(&fake, "pl_1");
    assert_stopped(&shutdown.stop_all(policy()).await.unwrap(), "pl_1");
}

/// Sends to the fake, and panics in a `PATCH`.
#[derive(Debug)]
struct PanicsInPatch(FakeTransport);

impl Transport for PanicsInPatch {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        assert!(request.method() != Method::PATCH, "no patch today");
        self.0.execute(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_panics_in_a_stop_takes_no_other_stop_with_it() {
    let shutdown = Shutdown::new();
    let mut started = Vec::new();
    for (panics, id) in [(true, "pl_1"), (false, "pl_2"), (false, "pl_3")] {
        let fake = FakeTransport::new();
        let under = options().under(&shutdown);
        let validated = if panics {
            validated_with(PanicsInPatch(fake.clone()), &fake, chosen(id), under).await
        } else {
            validated_with(fake.clone(), &fake, chosen(id), under).await
        };
        fake.list(&[]);
        fake.expect(Method::PUT, path(id))
            .reply_json(200, &pipeline(id, QUERY));
        started.push(created(validated.resolve().await.unwrap()).register());
        if panics {
            fake.jobs(id, job("Running"));
            fake.checkpoints(&[]);
        } else {
            expect_stop(&fake, id);
        }
    }
    let report = shutdown.stop_all(policy()).await.unwrap_err().report;
    for entry in &report.entries {
        match entry.id.as_ref().unwrap().as_str() {
            "pl_1" => {
                let end = entry.end.to_string();
                assert!(end.contains("no patch today"), "{end}");
                assert!(matches!(
                    entry.end,
                    ShutdownEnd::Unsettled {
                        error: Unsettled::Panicked { .. },
                        ..
                    }
                ));
            }
            _ => assert!(matches!(entry.end, ShutdownEnd::Ended { .. }), "{entry}"),
        }
    }
    assert_eq!(report.entries.len(), 3);
}

/// The outcome of the first poll, outside any runtime.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("it waits for something"),
    }
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

#[test]
fn outside_a_runtime_each_step_says_so_and_sends_nothing() {
    let fake = FakeTransport::new();
    let shutdown = Shutdown::new();
    let under = || options().under(&shutdown);
    let runtime = paused();
    let connected = runtime.block_on(connected(&fake, spec()));
    let validated = runtime.block_on(validated_with(fake.clone(), &fake, spec(), under()));
    let created = runtime.block_on(async {
        let validated = validated_with(fake.clone(), &fake, chosen("pl_1"), under()).await;
        fake.list(&[]);
        fake.expect(Method::PUT, path("pl_1"))
            .reply_json(200, &pipeline("pl_1", QUERY));
        created(validated.resolve().await.unwrap())
    });
    let running = runtime.block_on(running(&fake, under()));
    let to_update = runtime.block_on(self::running(&fake, options()));
    let attached = [(); 2].map(|()| runtime.block_on(attached(&fake, options())));
    let stopped = [(); 2].map(|()| runtime.block_on(stopped(&fake, options())));
    drop(runtime);
    let sent = fake.requests().len();

    let mut errors = vec![
        at_once(submission(fake.clone(), spec()).connect())
            .unwrap_err()
            .into_error(),
        at_once(connected.validate()).unwrap_err().into_error(),
        at_once(validated.plan()).unwrap_err(),
        at_once(validated.resolve()).unwrap_err().into_error(),
        at_once(Submission::attach(
            fake.clone(),
            id("pl_9"),
            &shutdown,
            Options::default(),
        ))
        .unwrap_err(),
        at_once(running.ended()).unwrap_err(),
        at_once(running.status()).unwrap_err(),
        at_once(running.read_job()).unwrap_err(),
        at_once(running.checkpoints()).unwrap_err(),
        at_once(running.rows().next()).unwrap_err(),
        at_once(running.stop()).unwrap_err().into_error(),
    ];
    let (error, created) = at_once(created.discard()).unwrap_err().into_parts();
    errors.push(error);
    let (error, registered) = at_once(created.register().wait_until_running())
        .unwrap_err()
        .into_parts();
    errors.push(error);
    errors.push(at_once(registered.stop()).unwrap_err().into_error());
    let update = Update::new().parallelism(NonZeroU32::MIN);
    let updated = at_once(to_update.update(&update));
    errors.push(updated.unwrap_err().into_error());
    let [one, other] = attached;
    errors.push(at_once(one.start()).unwrap_err().into_error());
    errors.push(at_once(other.delete()).unwrap_err().into_error());
    let [one, other] = stopped;
    errors.push(at_once(one.start()).unwrap_err().into_error());
    errors.push(at_once(other.delete()).unwrap_err().into_error());
    for error in errors {
        assert!(matches!(error, Error::NoRuntime), "{error:?}");
        assert_eq!(error.phase(), Phase::NotSent);
    }
    let report = at_once(shutdown.stop_all(StopPolicy::default()))
        .unwrap_err()
        .report;
    let [entry] = &report.entries[..] else {
        panic!("{report}");
    };
    assert!(matches!(
        entry.end,
        ShutdownEnd::Unsettled {
            error: Unsettled::NoRuntime,
            ..
        }
    ));
    assert_eq!(fake.requests().len(), sent);

    // In a runtime it goes on with what was left.
    expect_stop(&fake, "pl_1");
    let report = paused().block_on(shutdown.stop_all(policy())).unwrap();
    let ends = |entry: &&ShutdownEntry| matches!(entry.end, ShutdownEnd::Ended { .. });
    assert_eq!(report.entries.iter().filter(ends).count(), 1, "{report}");
}

/// Polls `work` for a while on a runtime that then ends, and to its end on another.
fn across_runtimes<T>(work: impl Future<Output = T>) -> T {
    let mut work = Box::pin(work);
    let first = paused();
    first.block_on(async {
        tokio::select! {
            _ = &mut work => panic!("it was to hang"),
            () = tokio::time::sleep(millis(100)) => {}
        }
    });
    drop(first);
    let second = paused();
    second.block_on(async { tokio::time::timeout(seconds(600), work).await.unwrap() })
}

#[test]
fn a_write_whose_runtime_ends_may_have_been_sent() {
    let fake = FakeTransport::any_order();
    let validated = paused().block_on(validated(&fake, spec()));
    fake.list(&[]);
    fake.expect(Method::PUT, path(spec_id())).hang().always();
    fake.not_there(spec_id()).always();
    let (error, _) = resolve_error(across_runtimes(validated.resolve()));
    assert!(
        matches!(error, ResolveError::OutcomeUnknown { .. }),
        "{error:?}"
    );

    for failed in [false, true] {
        let fake = FakeTransport::new();
        let state = if failed {
            job("Failed")
        } else {
            undesired("Stopped")
        };
        let stop = if failed { "none" } else { "checkpoint" };
        let validated = paused().block_on(with_job(&fake, spec(), stop, state));
        if failed {
            fake.expect(Method::POST, RESTART).hang();
        } else {
            fake.patch("pl_1", json!({"stop": "none"})).hang();
        }
        let (error, _) = resolve_error(across_runtimes(validated.resolve()));
        assert_eq!(error.phase(), Phase::MaybeSent, "{error:?}");
        assert!(error.to_string().starts_with("could not resume"), "{error}");
    }

    let fake = FakeTransport::new();
    let running = paused().block_on(running(&fake, options()));
    fake.jobs("pl_1", job("Running"));
    fake.checkpoints(&[]);
    fake.patch("pl_1", json!({"stop": "checkpoint"})).hang();
    let error = across_runtimes(running.stop()).unwrap_err().into_error();
    assert_eq!(error.phase(), Phase::MaybeSent, "{error:?}");
    let Error::Stop { source } = error else {
        panic!("{error:?}");
    };
    assert!(matches!(source, StopError::Rejected { .. }), "{source:?}");
    assert!(source.to_string().starts_with("could not stop"), "{source}");
}

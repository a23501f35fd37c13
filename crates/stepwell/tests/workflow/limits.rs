//! Durations of any length: none of them makes a step panic.

use std::{collections::HashSet, pin::Pin, sync::Mutex, time::Duration};

use serde_json::json;
use stepwell::{
    OnShutdown, Options, Shutdown, StopMode, StopPolicy,
    shutdown::Escalation,
    transport::{
        Transport, TransportError,
        bytes::Bytes,
        http::{Method, Request, Response, StatusCode},
    },
};

use crate::support::*;

const LENGTHS: [Duration; 3] = [Duration::ZERO, Duration::from_nanos(1), Duration::MAX];

/// What a step may take of the paused clock: without a deadline it would go on for a century.
const LONG: Duration = Duration::from_secs(15);

type Set = fn(Options, Duration) -> Options;

const OPTIONS: [(&str, Set); 10] = [
    ("connect_timeout", Options::with_connect_timeout),
    ("request_timeout", Options::with_request_timeout),
    ("validate_timeout", Options::with_validate_timeout),
    ("resolve_timeout", Options::with_resolve_timeout),
    ("settle_timeout", Options::with_settle_timeout),
    ("running_timeout", Options::with_running_timeout),
    ("stop_timeout", Options::with_stop_timeout),
    ("silence_timeout", Options::with_silence_timeout),
    ("poll_ceiling", Options::with_poll_ceiling),
    ("stable_for", Options::with_stable_for),
];

/// A server whose job is Running. If it gives out, it answers each request only once, so that every later step retries until its deadline.
#[derive(Debug, Default)]
struct Server {
    gives_out: bool,
    answered: Mutex<HashSet<(Method, String)>>,
}

impl Transport for Server {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        let list = json!({"data": [], "hasMore": false});
        let body = match path.as_str() {
            "/api/v1/ping" => json!("Pong"),
            "/api/v1/pipelines/validate_query" => json!({"graph": graph(1), "errors": []}),
            "/api/v1/pipelines" => list,
            path if path.ends_with("/jobs") => json!({"data": [job("Running")]}),
            path if path.contains("/job_1/") => list,
            _ => pipeline(spec_id(), QUERY),
        };
        let mut answered = self.answered.lock().unwrap();
        let is_first = answered.insert((request.method().clone(), path));
        let mut reply = Response::new(body.to_string().into());
        if self.gives_out && !is_first {
            *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        Ok(reply)
    }
}

/// All steps; those that fail end it, as long as none panics.
async fn all_steps(gives_out: bool, options: Options, policy: StopPolicy) {
    let server = Server {
        gives_out,
        ..Server::default()
    };
    let shutdown = Shutdown::new();
    let under = options
        .clone()
        .with_on_shutdown(OnShutdown::Stop)
        .under(&shutdown);
    let steps = async {
        let submission = submission_with(server, spec(), under);
        let validated = submission.connect().await.ok()?.validate().await.ok()?;
        let registered = validated.resolve().await.ok()?.register();
        let wait = tokio::time::timeout(LONG, registered.wait_until_running());
        let running = wait.await.ok()?.ok()?;
        let _ = tokio::time::timeout(LONG, running.ended()).await;
        tokio::time::timeout(LONG, running.stop()).await.ok()
    };
    let _ = tokio::time::timeout(LONG * 4, steps).await;
    let _ = tokio::time::timeout(LONG, shutdown.stop_all(policy)).await;
}

#[tokio::test(start_paused = true)]
async fn an_option_of_any_length_makes_no_step_panic() {
    for (name, set) in OPTIONS {
        for length in LENGTHS {
            for gives_out in [false, true] {
                let steps = all_steps(gives_out, set(options(), length), policy());
                assert!(
                    caught(Box::pin(steps)).await.is_ok(),
                    "{name} of {length:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_any_length_makes_no_stop_panic() {
    for deadline in LENGTHS {
        for after in LENGTHS {
            for gives_out in [false, true] {
                let policy = StopPolicy::builder()
                    .deadline(deadline)
                    .escalate(Escalation::new(after, StopMode::Immediate))
                    .escalate(Escalation::new(after, StopMode::Force))
                    .build();
                let steps = all_steps(gives_out, options(), policy);
                assert!(
                    caught(Box::pin(steps)).await.is_ok(),
                    "{deadline:?}, {after:?}"
                );
            }
        }
    }
}

/// Drives the work; an error if it panics.
async fn caught(mut work: Pin<Box<impl Future<Output = ()>>>) -> Result<(), ()> {
    std::future::poll_fn(|waker| {
        let polled =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.as_mut().poll(waker)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(_) => std::task::Poll::Ready(Err(())),
        }
    })
    .await
}

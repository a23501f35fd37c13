//! The checks that hold whatever the server does.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use stepwell_hyper::HyperTransport;
use stepwell_transport::{
    BodyLimit, Phase, Timeout, Transport as _, TransportError, TransportErrorKind as Kind,
};

use crate::{
    server::{Act, Hostile, Report},
    support::{PATIENCE, chain, get, let_the_deadline_pass, request},
};

/// How long a call may take: longer than even a slow machine needs.
pub(crate) const DEADLINE: Duration = PATIENCE;
/// How large the body of a reply may be.
pub(crate) const LIMIT: usize = 1 << 20;

pub(crate) type Outcome = Result<Response<Bytes>, TransportError>;

/// A write: a request that must not be repeated.
pub(crate) fn write() -> Request<Bytes> {
    request(Method::POST, "/api/v1/pipelines", r#"{"name":"p"}"#)
}

/// Sends this request, which must end within its timeout.
pub(crate) async fn send(
    transport: &HyperTransport,
    mut request: Request<Bytes>,
    timeout: Duration,
) -> Outcome {
    request.extensions_mut().insert(Timeout(timeout));
    request.extensions_mut().insert(BodyLimit(LIMIT));
    let outcome = tokio::time::timeout(timeout * 2, transport.execute(request));
    outcome.await.expect("it ends within its timeout")
}

/// Sends this request, and lets its timeout end once the server waits for the client.
pub(crate) async fn send_past_the_deadline(
    server: &Hostile,
    transport: &HyperTransport,
    request: Request<Bytes>,
) -> Outcome {
    let transport = transport.clone();
    let call = async move { send(&transport, request, DEADLINE).await };
    let_the_deadline_pass(call, server.waits()).await
}

/// Sends a write to a server that follows the script on its first connection. Returns the outcome, and what the server saw.
///
/// The write must be sent once. It must not be reported as not sent if any of it arrived. The next request must get its own answer, and not
/// what the script left on the connection.
pub(crate) async fn play(script: Vec<Act>) -> (Outcome, Report) {
    let server = Hostile::start([script]).await;
    let transport = server.transport();
    let outcome = send(&transport, write(), DEADLINE).await;
    judged(server, transport, outcome).await
}

/// Does the same with a server that never answers, so that the timeout ends.
async fn play_past_the_deadline(script: Vec<Act>) -> (Outcome, Report) {
    let server = Hostile::start([script]).await;
    let transport = server.transport();
    let outcome = send_past_the_deadline(&server, &transport, write()).await;
    judged(server, transport, outcome).await
}

async fn judged(
    mut server: Hostile,
    transport: HyperTransport,
    outcome: Outcome,
) -> (Outcome, Report) {
    let next = send(&transport, get("/api/v1/ping"), DEADLINE).await;
    assert_eq!(next.expect("the next request is answered").body(), "well");
    // A connection that stays in the pool would keep its script waiting.
    drop(transport);
    let report = server.report().await;
    let mut arrived = String::from_utf8_lossy(&report.received).into_owned();
    arrived.extend(server.well());
    let writes = arrived.matches("POST ").count();
    assert!(writes <= 1, "it was sent {writes} times:\n{arrived}");
    if let Err(error) = &outcome
        && error.phase() == Phase::NotSent
    {
        assert_eq!(writes, 0, "it arrived, but was reported as not sent");
    }
    (outcome, report)
}

/// Plays a script that must make the write fail with this kind and phase.
pub(crate) async fn fails(name: &str, script: Vec<Act>, kind: Kind, phase: Phase) -> Report {
    println!("{name}");
    let (outcome, report) = play(script).await;
    failed(name, outcome, kind, phase);
    report
}

/// Plays a script that never answers the write.
pub(crate) async fn times_out(name: &str, script: Vec<Act>, phase: Phase) {
    println!("{name}");
    let (outcome, _) = play_past_the_deadline(script).await;
    failed(name, outcome, Kind::TimedOut, phase);
}

fn failed(name: &str, outcome: Outcome, kind: Kind, phase: Phase) {
    match outcome {
        Err(error) => assert_eq!(
            (error.kind(), error.phase()),
            (kind, phase),
            "{name}: {}",
            chain(&error)
        ),
        Ok(reply) => panic!("{name}: a broken reply passes for {reply:?}"),
    }
}

/// Plays a script whose reply must be a good one with this status and body.
pub(crate) async fn replies(name: &str, script: Vec<Act>, status: u16, body: &str) -> Report {
    println!("{name}");
    let (outcome, report) = play(script).await;
    match outcome {
        Ok(reply) => {
            assert_eq!(reply.status(), status, "{name}");
            assert_eq!(reply.body(), body.as_bytes(), "{name}");
        }
        Err(error) => panic!("{name}: {}", chain(&error)),
    }
    report
}

/// Reads the request, sends these bytes, and waits for the client to close.
pub(crate) fn answer(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::Read, Act::Send(bytes.as_ref().to_vec()), Act::Gone]
}

/// Reads the request, sends these bytes, and answers every further request.
pub(crate) fn answer_and_serve(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::Read, Act::Send(bytes.as_ref().to_vec()), Act::Serve]
}

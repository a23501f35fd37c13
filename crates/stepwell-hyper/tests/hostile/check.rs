//! What must hold whatever the server does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use stepwell_hyper::HyperTransport;
use stepwell_transport::{
    BodyLimit, Deadline, Phase, Transport as _, TransportError, TransportErrorKind as Kind,
};

use crate::{
    server::{Act, Hostile, Report},
    support::{chain, get, request},
};

/// How long a call may take where nothing is said of it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// A deadline for a server that never answers.
pub(crate) const SHORT: Duration = Duration::from_millis(400);
/// How much later than its deadline a call may end on a busy machine.
const SLACK: Duration = Duration::from_secs(2);
/// How large the body of a reply may be.
pub(crate) const LIMIT: usize = 1 << 20;

pub(crate) type Outcome = Result<Response<Bytes>, TransportError>;

/// A write, the kind of request that must not be repeated.
pub(crate) fn write() -> Request<Bytes> {
    request(Method::POST, "/api/v1/pipelines", r#"{"name":"p"}"#)
}

/// Sends this request. It ends by its deadline.
pub(crate) async fn send(
    transport: &HyperTransport,
    mut request: Request<Bytes>,
    deadline: Duration,
) -> Outcome {
    request.extensions_mut().insert(Deadline(deadline));
    request.extensions_mut().insert(BodyLimit(LIMIT));
    let started = Instant::now();
    let outcome = transport.execute(request).await;
    let elapsed = started.elapsed();
    assert!(elapsed < deadline + SLACK, "it took {elapsed:?}");
    outcome
}

/// Sends a write to a server that follows the script on its first connection. What came of it, and what the server saw.
///
/// It is sent once, it is not said to be unsent when any of it arrived, and the next request is answered by the server as it is then,
/// not by what the script left in the connection.
pub(crate) async fn play(script: Vec<Act>, deadline: Duration) -> (Outcome, Report) {
    let mut server = Hostile::start([script]).await;
    let transport = server.transport();
    let outcome = send(&transport, write(), deadline).await;
    let next = send(&transport, get("/api/v1/ping"), DEADLINE).await;
    assert_eq!(next.expect("the next request is answered").body(), "well");
    // The connection that is still in the pool would keep a script waiting that serves to its end.
    drop(transport);
    let report = server.report().await;
    let mut arrived = String::from_utf8_lossy(&report.received).into_owned();
    arrived.extend(server.well());
    let writes = arrived.matches("POST ").count();
    assert!(writes <= 1, "it was sent {writes} times:\n{arrived}");
    if let Err(error) = &outcome
        && error.phase() == Phase::NotSent
    {
        assert_eq!(writes, 0, "it arrived, and was said not to be sent");
    }
    (outcome, report)
}

/// Plays a script that makes the write fail in this way.
pub(crate) async fn fails(name: &str, script: Vec<Act>, kind: Kind, phase: Phase) -> Report {
    fails_within(name, script, DEADLINE, kind, phase).await
}

pub(crate) async fn fails_within(
    name: &str,
    script: Vec<Act>,
    deadline: Duration,
    kind: Kind,
    phase: Phase,
) -> Report {
    println!("{name}");
    let (outcome, report) = play(script, deadline).await;
    match outcome {
        Err(error) => assert_eq!(
            (error.kind(), error.phase()),
            (kind, phase),
            "{name}: {}",
            chain(&error)
        ),
        Ok(reply) => panic!("{name}: a broken reply passes for {reply:?}"),
    }
    report
}

/// Plays a script whose reply is a good one with this status and body.
pub(crate) async fn replies(name: &str, script: Vec<Act>, status: u16, body: &str) -> Report {
    println!("{name}");
    let (outcome, report) = play(script, DEADLINE).await;
    match outcome {
        Ok(reply) => {
            assert_eq!(reply.status(), status, "{name}");
            assert_eq!(reply.body(), body.as_bytes(), "{name}");
        }
        Err(error) => panic!("{name}: {}", chain(&error)),
    }
    report
}

/// Reads the request, sends this, and waits for the client to close.
pub(crate) fn answer(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::Read, Act::Send(bytes.as_ref().to_vec()), Act::Gone]
}

/// Reads the request, sends this, and answers whatever comes next.
pub(crate) fn answer_and_serve(bytes: impl AsRef<[u8]>) -> Vec<Act> {
    vec![Act::Read, Act::Send(bytes.as_ref().to_vec()), Act::Serve]
}

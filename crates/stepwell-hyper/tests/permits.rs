//! The limit on concurrent requests.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use stepwell_hyper::HyperTransport;
use stepwell_transport::{BodyLimit, Phase, Timeout, Transport as _, TransportErrorKind as Kind};
use support::{Raw, Then, chain, get, ok};

#[tokio::test]
async fn one_request_too_many_waits_for_a_permit_within_its_timeout() {
    let server = Raw::start(|number| match number {
        0 | 1 => Then::Hang(Vec::new()),
        _ => Then::Keep(ok("well")),
    })
    .await;
    let transport = HyperTransport::builder(format!("http://{}", server.address))
        .requests_at_once(2)
        .build()
        .unwrap();
    // Clones share the permits.
    let hanging = [transport.clone(), transport.clone()]
        .map(|transport| tokio::spawn(async move { transport.execute(get("/hangs")).await }));
    while server.requests().len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    let mut short = get("/short");
    short
        .extensions_mut()
        .insert(Timeout(Duration::from_millis(100)));
    let error = transport.execute(short).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::TimedOut, Phase::NotSent),
        "{}",
        chain(&error)
    );
    assert!(error.to_string().contains("no permit was free"), "{error}");
    assert_eq!(server.requests().len(), 2);

    // A cancelled request returns its permit, and the next one in line gets it.
    let waiting = tokio::spawn({
        let transport = transport.clone();
        async move { transport.execute(get("/waits")).await }
    });
    hanging[0].abort();
    assert_eq!(waiting.await.unwrap().unwrap().body(), "well");
    hanging[1].abort();
}

#[tokio::test]
async fn a_limit_of_zero_means_one() {
    let server = Raw::start(|_| Then::Keep(ok("well"))).await;
    let transport = HyperTransport::builder(format!("http://{}", server.address))
        .requests_at_once(0)
        .build()
        .unwrap();
    assert_eq!(transport.execute(get("/x")).await.unwrap().body(), "well");
}

/// A limit and a timeout of any size are taken; a body limit of none refuses every body.
#[tokio::test]
async fn numbers_of_any_size_are_taken() {
    let server = Raw::start(|_| Then::Keep(ok("well"))).await;
    for permits in [0, 1, usize::MAX] {
        let transport = HyperTransport::builder(format!("http://{}", server.address))
            .requests_at_once(permits)
            .build()
            .unwrap();
        for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            for limit in [0, 1, usize::MAX] {
                let mut request = get("/");
                request.extensions_mut().insert(Timeout(timeout));
                request.extensions_mut().insert(BodyLimit(limit));
                let outcome = transport.execute(request).await;
                // With any shorter timeout the request only has to end.
                if timeout == Duration::MAX {
                    let kind = outcome.map_err(|error| error.kind()).err();
                    let expected = (limit != usize::MAX).then_some(Kind::BodyTooLarge);
                    assert_eq!(kind, expected, "{permits} {limit}");
                }
            }
        }
    }
}

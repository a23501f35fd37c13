//! Every recorded exchange: stepwell's own request is the recorded one, and the reply is decoded correctly.

mod class;
pub mod reading;
mod refusal;
mod rules;

use std::collections::BTreeSet;

use http::header;
use serde_json::json;
use stepwell_arroyo::{ClientErrorKind, PatchPipeline, PipelineId};
use stepwell_transport::Token;

use self::{
    class::{Class, UNDOCUMENTED},
    refusal::{check_closed, check_refusal},
};
use crate::{
    CountsByRelease,
    call::Call,
    openapi,
    recording::{Exchange, Release},
    replay::Replay,
    request::AnyRequest,
};

/// Every exchange, with the release of its server.
fn exchanges() -> impl Iterator<Item = (Release, Exchange)> {
    let of = |release: Release| {
        release
            .exchanges()
            .into_iter()
            .map(move |one| (release, one))
    };
    Release::ALL.into_iter().flat_map(of)
}

#[test]
fn every_exchange_is_of_one_class() {
    let mut counts = CountsByRelease::default();
    for (release, exchange) in exchanges() {
        let class = Class::of(release, &exchange);
        class.check(&exchange);
        counts.count(release, class);
    }
    let expected = [
        ("sent by the client", [117, 289]),
        ("sent by the client but unknown to the server", [1, 0]),
        ("operations that stepwell lacks", [1, 11]),
        ("ruled out by the types", [2, 4]),
        ("malformed or of the wrong type", [2, 28]),
        ("wrong method", [0, 6]),
        ("wrong content type", [0, 4]),
        ("unknown route", [1, 11]),
        ("OPTIONS or HEAD", [0, 3]),
        ("connection tables and profiles", [0, 7]),
        ("global UDFs", [0, 3]),
    ];
    counts.expect("490 exchanges", &expected);
    assert_eq!(counts.sums(), [124, 366]);
}

#[tokio::test]
async fn the_clients_own_request_is_what_the_server_was_asked() {
    let mut counts = CountsByRelease::default();
    for (release, exchange) in exchanges() {
        if !Class::of(release, &exchange).is_sent() {
            continue;
        }
        let name = exchange.name.as_str();
        let recorded = AnyRequest::recorded(&exchange.request);
        let (expected, used) = rules::apply(&recorded);
        let call = Call::of(&expected).unwrap_or_else(|| panic!("{name}: {expected:?}"));
        let replay = Replay::new(exchange.response.clone());
        drop(call.make(&replay.client()).await);

        let sent = replay.asked();
        let accepted = match call {
            Call::Output(..) => "text/event-stream",
            _ => "application/json",
        };
        assert_eq!(sent.headers()[header::ACCEPT], accepted, "{name}");
        assert_eq!(AnyRequest::sent(&sent), expected, "{name}");
        if used.is_empty() {
            counts.count(release, "alike");
        }
        for rule in used {
            counts.count(release, rule);
        }
    }
    for rule in rules::names() {
        assert!(counts.0.contains_key(rule), "no exchange needs it: {rule}");
    }
    let expected = [
        ("alike", [109, 234]),
        (
            "with the checkpoint interval in the old spelling too",
            [1, 6],
        ),
        ("with all errors of a job on one page", [4, 24]),
        (
            "with an explicit list limit instead of the default",
            [2, 18],
        ),
        ("without fields that stepwell does not model", [2, 1]),
        ("without fields that are null or empty", [0, 4]),
        ("without fields that no server knows", [0, 4]),
        ("without parameters that the server does not know", [0, 1]),
        ("without the charset of the content type", [0, 1]),
    ];
    counts.expect("407 requests of the client", &expected);
}

/// How many replies are changed by each of the rules of [`reading`].
const READ_OTHERWISE: [(&str, [usize; 2]); 6] = [
    ("query errors as messages without a position", [4, 0]),
    ("no tags, because there are none", [70, 0]),
    ("no initial state, because there is none", [70, 0]),
    (
        "the text of a failure as its reason, with an unknown domain",
        [2, 0],
    ),
    ("a job that does not name its pipeline", [2, 0]),
    (
        "no environment and no scheduler configuration, because there are none",
        [2, 0],
    ),
];

#[tokio::test]
async fn every_reply_of_the_clients_operations_is_read() {
    let mut counts = CountsByRelease::default();
    let mut differing = CountsByRelease::default();
    for (release, exchange) in exchanges() {
        let name = exchange.name.as_str();
        let request = AnyRequest::recorded(&exchange.request);
        let Some(call) = Call::like(&request) else {
            continue;
        };
        let replay = Replay::new(exchange.response.clone());
        match (call.make(&replay.client()).await, &exchange.response) {
            (Err(error), None) => {
                check_closed(name, &error);
                counts.count(release, "closed");
            }
            (Ok(value), Some(response)) if response.status == 200 => {
                let (expected, used) = reading::apply(&call, &call.expected(response));
                assert_eq!(value, expected, "{name}");
                counts.count(release, "values");
                for rule in used {
                    differing.count(release, rule);
                }
            }
            (Err(error), Some(response)) => {
                check_refusal(name, &error, response);
                counts.count(release, "refusals");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    let expected = [
        ("closed", [0, 1]),
        ("refusals", [15, 69]),
        ("values", [107, 256]),
    ];
    counts.expect("448 replies of the client's operations", &expected);
    differing.expect("replies that are read as something else", &READ_OTHERWISE);
}

/// Replies of paths that the client never requests, but which a wrong base address may lead to.
#[tokio::test]
async fn other_replies_are_never_taken_for_the_apis() {
    let mut counts = CountsByRelease::default();
    for (release, exchange) in exchanges() {
        let request = AnyRequest::recorded(&exchange.request);
        if Call::like(&request).is_some() {
            continue;
        }
        counts.count(release, read_as_something_else(&exchange).await);
    }
    let expected = [
        ("closed", [0, 2]),
        ("other values", [1, 14]),
        ("pages", [0, 3]),
        ("refusals", [1, 20]),
        ("values of a type that is known", [0, 1]),
    ];
    counts.expect("42 replies of other paths", &expected);
}

/// Reads the reply as every type, and returns its kind.
async fn read_as_something_else(exchange: &Exchange) -> &'static str {
    let name = exchange.name.as_str();
    let client = Replay::new(exchange.response.clone()).client();
    let Some(response) = &exchange.response else {
        check_closed(name, &client.ping().await.unwrap_err());
        return "closed";
    };
    let id = PipelineId::from_server("pl_1");
    let errors = [
        client.ping().await.map(drop),
        client.pipeline(&id).await.map(drop),
        client.jobs(&id).await.map(drop),
        client.patch(&id, &PatchPipeline::new()).await.map(drop),
        client.delete(&id).await,
    ];
    if response.status != 200 {
        for error in errors {
            check_refusal(name, &error.unwrap_err(), response);
        }
        return "refusals";
    }
    if response.content_type().starts_with("text/html") {
        for error in errors {
            let error = error.unwrap_err();
            let ClientErrorKind::NotArroyo {
                status,
                content_type,
                start,
                ..
            } = error.kind()
            else {
                panic!("{name}: {error:?}");
            };
            assert_eq!(
                (status.as_u16(), content_type.as_str()),
                (200, "text/html; charset=utf-8")
            );
            assert!(response.body.starts_with(start), "{name}: {start}");
            assert!(!error.is_retryable());
        }
        return "pages";
    }
    assert!(errors[0].is_err(), "{name}: not a pong");
    // stepwell lacks the operation, but not the type of its reply.
    if name.contains("create_preview") {
        let id = PipelineId::from_server(response.json()["id"].as_str().unwrap());
        let pipeline = client.pipeline(&id).await.unwrap();
        assert_eq!(json!(pipeline), response.json(), "{name}");
    } else {
        return "other values";
    }
    "values of a type that is known"
}

/// Whatever the recordings tried, the server accepts what stepwell writes.
#[test]
fn the_token_is_written_as_the_server_takes_it() {
    let token = Token::new("s3cr3t-key").unwrap().header_value();
    let mut tried = 0;
    for (_, exchange) in exchanges() {
        let Some(recorded) = exchange.request.header("authorization") else {
            continue;
        };
        let is_taken = exchange.response.unwrap().status == 200;
        assert_eq!(recorded == token, is_taken, "{}", exchange.name);
        tried += 1;
    }
    println!("{tried} authorizations");
    assert_eq!(tried, 4);
}

#[test]
fn what_is_excused_was_recorded() {
    let paths: BTreeSet<_> = exchanges()
        .map(|(_, exchange)| exchange.request.path)
        .collect();
    for (path, reason) in UNDOCUMENTED {
        assert!(paths.contains(path) && !reason.is_empty(), "{path}");
    }
    assert!(!openapi::is_lacked("get_pipelines"));
}

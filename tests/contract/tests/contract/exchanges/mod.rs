//! Every recorded exchange: stepwell's own request is what the server was asked, and the reply is read as what it is.

mod class;
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
    Counts,
    call::Call,
    openapi,
    recording::{Exchange, exchanges},
    replay::Replay,
    request::AnyRequest,
};

#[test]
fn every_exchange_is_of_one_class() {
    let mut counts = Counts::default();
    let exchanges = exchanges();
    for exchange in &exchanges {
        let class = Class::of(exchange);
        class.check(exchange);
        counts.count(class);
    }
    let expected = [
        ("sent by the client", 289),
        ("operations that stepwell lacks", 11),
        ("ruled out by the types", 4),
        ("malformed or of the wrong type", 28),
        ("wrong method", 6),
        ("wrong content type", 4),
        ("unknown route", 11),
        ("OPTIONS or HEAD", 3),
        ("connection tables and profiles", 7),
        ("global UDFs", 3),
    ];
    counts.expect("366 exchanges", &expected);
    assert_eq!(exchanges.len(), 366);
    assert_eq!(counts.0.values().sum::<usize>(), 366);
}

#[tokio::test]
async fn the_clients_own_request_is_what_the_server_was_asked() {
    let mut counts = Counts::default();
    for exchange in exchanges() {
        if Class::of(&exchange) != Class::Sent {
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
            counts.count("alike");
        }
        for rule in used {
            counts.count(rule);
        }
    }
    for rule in rules::names() {
        assert!(counts.0.contains_key(rule), "no exchange needs it: {rule}");
    }
    let expected = [
        ("alike", 234),
        ("with the checkpoint interval in the old spelling too", 6),
        ("with the errors of a job in one page", 24),
        (
            "with the limit of a list, where the server's default was meant",
            18,
        ),
        (
            "without a state to start from, which stepwell has no word for",
            1,
        ),
        ("without fields that are null or empty", 4),
        ("without fields that the server does not know", 4),
        ("without parameters that the server does not know", 1),
        ("without the charset of the content type", 1),
    ];
    counts.expect("289 requests of the client", &expected);
}

#[tokio::test]
async fn every_reply_of_the_clients_operations_is_read() {
    let mut counts = Counts::default();
    for exchange in exchanges() {
        let name = exchange.name.as_str();
        let request = AnyRequest::recorded(&exchange.request);
        let Some(call) = Call::like(&request) else {
            continue;
        };
        let replay = Replay::new(exchange.response.clone());
        match (call.make(&replay.client()).await, &exchange.response) {
            (Err(error), None) => {
                check_closed(name, &error);
                counts.count("closed");
            }
            (Ok(value), Some(response)) if response.status == 200 => {
                assert_eq!(value, call.expected(response), "{name}");
                counts.count("values");
            }
            (Err(error), Some(response)) => {
                check_refusal(name, &error, response);
                counts.count("refusals");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    let expected = [("closed", 1), ("refusals", 69), ("values", 256)];
    counts.expect("326 replies of the client's operations", &expected);
}

/// What paths answer that the client never asks for. A wrong base address leads there.
#[tokio::test]
async fn other_replies_are_never_taken_for_the_apis() {
    let mut counts = Counts::default();
    for exchange in exchanges() {
        let request = AnyRequest::recorded(&exchange.request);
        if Call::like(&request).is_some() {
            continue;
        }
        counts.count(read_as_something_else(&exchange).await);
    }
    let expected = [
        ("closed", 2),
        ("other values", 14),
        ("pages", 3),
        ("refusals", 20),
        ("values of a type that is known", 1),
    ];
    counts.expect("40 replies of other paths", &expected);
}

/// Says of what kind it was.
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
    // Lacked are the operations, not the types of their replies.
    if name.contains("create_preview") {
        let pipeline = client.pipeline(&id).await.unwrap();
        assert_eq!(json!(pipeline), response.json(), "{name}");
    } else {
        return "other values";
    }
    "values of a type that is known"
}

/// Of all that was tried, the server takes what stepwell writes.
#[test]
fn the_token_is_written_as_the_server_takes_it() {
    let token = Token::new("s3cr3t-key").unwrap().header_value();
    let mut tried = 0;
    for exchange in exchanges() {
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
        .into_iter()
        .map(|exchange| exchange.request.path)
        .collect();
    for (path, reason) in UNDOCUMENTED {
        assert!(paths.contains(path) && !reason.is_empty(), "{path}");
    }
    assert!(!openapi::is_lacked("get_pipelines"));
}

mod refusals;

use http::HeaderValue;

use super::*;
use crate::{Job, Pipeline};

fn reply(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = StatusCode::from_u16(status).unwrap();
    if !content_type.is_empty() {
        let value = HeaderValue::from_static(content_type);
        reply.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    reply
}

fn refusal(reply: &Response<Bytes>) -> (String, bool) {
    match decode::<Pipeline>(reply) {
        Err(ClientErrorKind::Rejected {
            status,
            message,
            from_api,
        }) => {
            assert_eq!(status, reply.status());
            (message, from_api)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_is_not_an_answer() {
    let page = reply(
        200,
        "text/html; charset=utf-8",
        "<!doctype html><html></html>",
    );
    let expected = |kind: ClientErrorKind| match kind {
        ClientErrorKind::NotArroyo {
            status,
            content_type,
            start,
        } => {
            assert_eq!(status, StatusCode::OK);
            assert_eq!(content_type, "text/html; charset=utf-8");
            assert_eq!(start, "<!doctype html><html></html>");
        }
        other => panic!("{other:?}"),
    };
    expected(decode_ping(&page).unwrap_err());
    expected(decode::<Pipeline>(&page).unwrap_err());
    expected(decode_or_empty::<Pipeline>(&page).unwrap_err());
    expected(decode_done(&page).unwrap_err());
}

#[test]
fn only_pong_is_a_pong() {
    decode_ping(&reply(200, "application/json", "\"Pong\"")).unwrap();
    decode_ping(&reply(200, "", " \"Pong\"\n")).unwrap();
    for body in [
        "",
        "Pong",
        "\"pong\"",
        "\"Pong\"x",
        "{}",
        "{\"status\":\"Pong\"}",
        "[\"Pong\"]",
    ] {
        let error = decode_ping(&reply(200, "application/json", body)).unwrap_err();
        assert!(
            matches!(error, ClientErrorKind::NotArroyo { .. }),
            "{body}: {error:?}"
        );
    }
}

#[test]
fn an_empty_answer_is_fine_where_nothing_is_looked_for() {
    for body in ["", " \r\n"] {
        let empty = reply(200, "", body);
        decode_done(&empty).unwrap();
        assert!(decode_or_empty::<Pipeline>(&empty).unwrap().is_none());
        assert!(matches!(
            decode::<Pipeline>(&empty),
            Err(ClientErrorKind::EmptyReply {
                status: StatusCode::OK
            })
        ));
    }
}

/// A reply that contains a query is never shown, whatever is wrong with it.
#[test]
fn no_error_shows_the_query_of_a_reply() {
    let whole =
        r#"{"id":"pl_1","name":"n","query":"'password' = 'hunter2'","stop":"none","created_at":1}"#;
    let bodies = [
        whole.replace("\"stop\"", "\"halt\""),
        whole[..whole.len() - 20].to_owned(),
        whole.replace("\"none\"", "7"),
        format!("[{whole}]"),
        format!("{whole}trailing"),
        // The query in place of another type.
        r#"{"id":"pl_1","name":"n","query":"q","udfs":"'password' = \"hunter2\", expected "}"#
            .to_owned(),
        r#"{"id":"pl_1","name":"n","query":"q","graph":{"nodes":"hunter2","edges":[]}}"#.to_owned(),
        r#""hunter2""#.to_owned(),
    ];
    for body in &bodies {
        for content_type in ["application/json", "text/plain", "text/html", ""] {
            let error = decode::<Pipeline>(&reply(200, content_type, body.clone())).unwrap_err();
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let shown = format!("{error} {error:?} {source:?}");
            assert!(!shown.contains("hunter2"), "{body}: {shown}");
        }
    }
    let error = decode_ping(&reply(200, "text/plain", whole)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    // Nor in a refusal, except for the server's message.
    let quoted = serde_json::json!({"request": whole}).to_string();
    for body in [
        whole,
        &whole[..whole.len() - 20],
        &quoted,
        &format!("[{whole}]"),
    ] {
        for content_type in ["application/json", "text/plain", ""] {
            let (message, _) = refusal(&reply(500, content_type, body.to_owned()));
            assert!(!message.contains("hunter2"), "{body}: {message}");
        }
    }
}

#[test]
fn what_is_wrong_with_json_is_told_without_its_text() {
    let wrong = |body: &str| match decode::<Job>(&reply(200, "application/json", body.to_owned())) {
        Err(ClientErrorKind::Decode { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        wrong(r#"{"id":"job_1"}"#),
        "missing field `running_desired` at line 1 column 14"
    );
    assert_eq!(
        wrong(r#"{"id":"job_1","running_desired":"yes\", expected "}"#),
        "invalid type: a string, expected a boolean at line 1 column 50"
    );
    assert_eq!(
        wrong("{\"id\":"),
        "EOF while parsing a value at line 1 column 6"
    );
}

#[test]
fn a_busy_server_says_for_how_many_seconds_it_wants_to_be_left_alone() {
    for (status, value, expected) in [
        (429, "7", Some(7)),
        (503, " 120 ", Some(120)),
        (503, "0", Some(0)),
        (502, "7", None),
        (200, "7", None),
        (503, "-1", None),
        (503, "99999999999", None),
        (503, "Wed, 25 Nov 2026 02:59:29 GMT", None),
        (503, "", None),
    ] {
        let mut reply = reply(status, "", "");
        let header = HeaderValue::from_str(value).unwrap();
        reply.headers_mut().insert(header::RETRY_AFTER, header);
        let expected = expected.map(Duration::from_secs);
        assert_eq!(retry_after(&reply), expected, "{status} {value}");
    }
    assert_eq!(retry_after(&reply(503, "", "")), None);
}

/// A reply that ends with its connection can be cut anywhere, even within a character.
#[test]
fn a_reply_that_is_cut_within_a_character_breaks_off() {
    let whole = r#"{"data":[{"id":"é"#;
    let breaks_off = |body: &[u8]| {
        let reply = reply(200, "application/json", Bytes::copy_from_slice(body));
        let kind = decode::<Pipeline>(&reply).unwrap_err();
        let rows = decode_rows(&reply, &mut |_| Ok(())).unwrap_err();
        let call = || crate::error::Call {
            operation: crate::Operation::ListPipelines,
            pipeline: None,
            url: None,
        };
        [kind, rows].map(|kind| crate::ClientError::new(call(), kind).is_retryable())
    };
    assert_eq!(breaks_off(whole.as_bytes()), [true; 2]);
    assert_eq!(breaks_off(&whole.as_bytes()[..whole.len() - 1]), [true; 2]);
    // Not cut, and not text.
    assert_eq!(breaks_off(b"{\"data\":[{\"id\":\"\xC3("), [false; 2]);
    assert_eq!(breaks_off(b"{}\xC3"), [false; 2]);
}

use stepwell_transport::TransportError;

use super::*;

fn error(operation: Operation, pipeline: Option<&str>, kind: ClientErrorKind) -> ClientError {
    let call = Call {
        operation,
        pipeline: pipeline.map(ToOwned::to_owned),
        url: Some("http://host:5115".to_owned()),
    };
    ClientError::new(call, kind)
}

fn rejected(status: u16, message: &str, from_api: bool) -> ClientErrorKind {
    ClientErrorKind::Rejected {
        status: StatusCode::from_u16(status).unwrap(),
        message: message.to_owned(),
        from_api,
    }
}

fn transport(kind: TransportErrorKind, phase: Phase) -> ClientErrorKind {
    ClientErrorKind::Transport {
        source: TransportError::new(kind, phase, "connection refused"),
    }
}

#[test]
fn it_names_operation_pipeline_and_server_and_leaves_the_cause_to_its_source() {
    let refused = error(
        Operation::Jobs,
        Some("pl_1"),
        transport(TransportErrorKind::Refused, Phase::NotSent),
    );
    assert_eq!(
        refused.to_string(),
        r#"could not read the job of the pipeline "pl_1" at http://host:5115"#
    );
    let source = std::error::Error::source(&refused).unwrap();
    assert_eq!(source.to_string(), "connection refused");

    let name = format!("\u{1b}[31m{}", "x".repeat(4_000));
    let empty = error(Operation::Create, Some(&name), rejected(503, "", false));
    let text = empty.to_string();
    assert!(text.len() < 250 && !text.contains('\u{1b}'), "{text}");
    assert!(
        text.ends_with(": the server answered 503 Service Unavailable"),
        "{text}"
    );

    let mut call = empty.0.call.clone();
    (call.operation, call.pipeline, call.url) = (Operation::Ping, None, None);
    let page = ClientError::new(
        call,
        ClientErrorKind::NotArroyo {
            status: StatusCode::OK,
            content_type: "text/html".to_owned(),
            start: "<!doctype html>".to_owned(),
        },
    );
    assert_eq!(
        page.to_string(),
        "could not reach the API: the reply (200 OK, text/html) is not from an Arroyo API; check the address and its path: <!doctype html>"
    );
}

#[test]
fn what_may_pass_is_told_from_what_may_not() {
    use TransportErrorKind as K;
    let answers = |kind| error(Operation::Ping, None, kind).is_retryable();
    for kind in [
        K::Refused,
        K::TimedOut,
        K::Closed,
        K::Unreachable,
        K::Protocol,
    ] {
        assert!(answers(transport(kind, Phase::MaybeSent)), "{kind:?}");
    }
    for kind in [
        K::UnknownHost,
        K::Tls,
        K::BodyTooLarge,
        K::ContentEncoding,
        K::InvalidRequest,
        K::Other,
    ] {
        assert!(!answers(transport(kind, Phase::NotSent)), "{kind:?}");
    }
    for status in [408, 429, 500, 502, 503, 504] {
        assert!(answers(rejected(status, "", false)), "{status}");
    }
    for status in [301, 400, 401, 403, 404, 405, 409, 413, 415, 422] {
        assert!(!answers(rejected(status, "", false)), "{status}");
    }
    assert!(answers(ClientErrorKind::EmptyReply {
        status: StatusCode::OK
    }));
    assert!(!answers(ClientErrorKind::Paging { problem: "" }));
}

#[test]
fn the_phase_is_the_transports_or_else_that_of_a_reply() {
    let phase = |kind| error(Operation::Create, None, kind).phase();
    for expected in [Phase::NotSent, Phase::MaybeSent, Phase::Responded] {
        assert_eq!(
            phase(transport(TransportErrorKind::Closed, expected)),
            expected
        );
    }
    assert_eq!(phase(rejected(400, "", true)), Phase::Responded);
    assert_eq!(
        phase(ClientErrorKind::EmptyReply {
            status: StatusCode::OK
        }),
        Phase::Responded
    );
    let source = JsonError::new(&serde_json::from_str::<u8>("").unwrap_err());
    let (status, content_type) = (StatusCode::OK, String::new());
    assert_eq!(
        phase(ClientErrorKind::Decode {
            status,
            content_type,
            source
        }),
        Phase::Responded
    );
    let source = Box::new(std::fmt::Error);
    assert_eq!(phase(ClientErrorKind::Request { source }), Phase::NotSent);
}

#[test]
fn only_an_arroyo_can_say_that_a_pipeline_is_not_there() {
    for (kind, expected) in [
        (rejected(404, "Pipeline not found", true), true),
        (rejected(404, "Job for pipeline not found", true), true),
        (rejected(404, "", false), true),
        (rejected(404, "Route not found", true), false),
        (rejected(404, "(text/html) <html>", false), false),
        (
            rejected(404, "(text/plain) default backend - 404", false),
            false,
        ),
        (rejected(400, "Pipeline not found", true), false),
        (
            rejected(400, "There are no jobs for the pipeline", true),
            true,
        ),
        (
            rejected(400, "There are no jobs for the pipeline", false),
            false,
        ),
        (rejected(400, "No jobs for pipeline", true), true),
        (ClientErrorKind::Paging { problem: "" }, false),
    ] {
        let error = error(Operation::GetPipeline, None, kind);
        assert_eq!(error.is_not_found(), expected, "{error}");
    }
}

#[test]
fn the_words_of_a_refusal_say_whether_the_query_or_the_id_is_to_blame() {
    let refused = |status: u16, message: &str| {
        let kind = rejected(status, message, true);
        let error = error(Operation::CreateWithId, None, kind);
        (error.is_invalid_query(), error.is_already_there())
    };
    for (status, message, expected) in [
        (
            400,
            "Failed to plan query:\n * table 'a' exists",
            (true, false),
        ),
        (400, "Schema error: No field named nothing.", (true, false)),
        (
            400,
            "A record already exists with that name or id",
            (false, true),
        ),
        (
            409,
            "duplicate key value violates unique constraint",
            (false, true),
        ),
        (400, "Field name must be set", (false, false)),
        (409, "", (false, false)),
        (
            422,
            "duplicate field `name` at line 1 column 18",
            (false, false),
        ),
        (500, "Failed to plan query", (false, false)),
    ] {
        assert_eq!(refused(status, message), expected, "{status} {message}");
    }
}

#[test]
fn a_refusal_that_may_pass_is_told_by_its_status_and_its_words() {
    let delete = "Pipeline's jobs must be in a terminal state (stopped, finished, or failed)";
    for (operation, status, words, busy) in [
        (Operation::Create, 429, "", true),
        (Operation::Create, 409, "busy, try again", true),
        (Operation::Patch, 409, "Temporarily unavailable", true),
        (Operation::Create, 409, "conflict", false),
        (Operation::Create, 409, "already exists, try again", false),
        (Operation::Create, 400, "busy, try again", false),
        (Operation::Delete, 400, delete, true),
        (Operation::Patch, 400, delete, false),
    ] {
        let refused = error(operation, None, rejected(status, words, true));
        assert_eq!(refused.is_busy(), busy, "{status} {words}");
        assert_eq!(refused.is_retryable(), busy, "{status} {words}");
    }
    let asked = error(Operation::Create, None, rejected(409, "conflict", true));
    assert!(
        asked
            .with_retry_after(Some(Duration::from_secs(1)))
            .is_busy()
    );
}

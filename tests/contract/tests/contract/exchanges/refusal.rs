//! The error of a failed call.

use stepwell_arroyo::{ClientError, ClientErrorKind, Operation, Phase, TransportErrorKind};

use crate::recording::RecordedResponse;

/// Checks that a refusal is reported with its status and in the server's words.
#[track_caller]
pub fn check_refusal(name: &str, error: &ClientError, response: &RecordedResponse) {
    let ClientErrorKind::Rejected {
        status,
        message,
        from_api,
        ..
    } = error.kind()
    else {
        panic!("{name}: {error:?}");
    };
    assert_eq!(status.as_u16(), response.status, "{name}");
    assert_eq!(
        error.status().map(|status| status.as_u16()),
        Some(response.status),
        "{name}"
    );
    assert_eq!(error.phase(), Phase::Responded, "{name}");
    // A job that has been told to stop ends, and can then be deleted.
    let may_pass = message.contains("must be in a terminal state");
    let may_pass = may_pass && error.operation() == Operation::Delete;
    assert_eq!(error.is_retryable(), may_pass, "{name}");
    match (response.content_type(), response.body.as_str()) {
        ("application/json", _) => {
            assert!(*from_api, "{name}");
            assert_eq!(
                Some(message.as_str()),
                response.json()["error"].as_str(),
                "{name}"
            );
        }
        ("", "") => {
            assert!(!from_api && matches!(response.status, 401 | 405), "{name}");
            assert!(
                message.starts_with("no reason is given; "),
                "{name}: {message}"
            );
        }
        ("text/plain; charset=utf-8", body) => {
            assert!(!from_api, "{name}");
            assert_eq!(
                *message,
                format!("(text/plain; charset=utf-8) {body}"),
                "{name}"
            );
        }
        other => panic!("{name}: a body of a kind that was not recorded before: {other:?}"),
    }
    assert!(
        error.to_string().ends_with(message.as_str()),
        "{name}: {error}"
    );
}

#[track_caller]
pub fn check_closed(name: &str, error: &ClientError) {
    assert_eq!(
        error.transport_error_kind(),
        Some(TransportErrorKind::Closed),
        "{name}"
    );
    assert_eq!(error.phase(), Phase::MaybeSent, "{name}");
    assert!(error.is_retryable() && error.status().is_none(), "{name}");
}

use http::StatusCode;
use snafu::Snafu;
use stepwell_transport::TransportError;

use super::json::JsonError;

/// What went wrong with a call.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum ClientErrorKind {
    /// There was no complete reply. A server whose handler panics closes the connection without an answer
    /// (recording `171_query_param_limit_u32max`).
    #[snafu(display("there was no complete answer"))]
    Transport {
        /// The cause.
        source: TransportError,
    },
    /// The server answered with a status other than 2xx.
    #[snafu(display("the server answered {status}{}", words(message)))]
    Rejected {
        /// The status.
        status: StatusCode,
        /// The server's message, cut at 8 KiB, without control characters except line feeds and tabs. If it gave none, what the status
        /// means here, or nothing.
        message: String,
        /// Whether the reply has the form of Arroyo's own errors, `{"error": "…"}`. Otherwise it may come from a proxy.
        from_api: bool,
    },
    /// The reply is not one of an Arroyo API. Most often it is the HTML of a web page: an Arroyo answers 200 with its own web page outside
    /// `/api/v1` (recordings `155_unknown_route_api_v2`, `158_root`).
    #[snafu(display(
        "the reply ({status}{}) is not from an Arroyo API; check the address and its path{}",
        content(content_type),
        words(start)
    ))]
    NotArroyo {
        /// The status.
        status: StatusCode,
        /// The content type of the reply; empty if it has none.
        content_type: String,
        /// The first 200 characters of the reply; empty for JSON, which may contain a query.
        start: String,
    },
    /// The reply is JSON, but not of the expected form, or it breaks off.
    #[snafu(display(
        "the answer ({status}{}) cannot be read; is this server of a supported version, and is a proxy in between?",
        content(content_type)
    ))]
    Decode {
        /// The status.
        status: StatusCode,
        /// The content type of the reply; empty if it has none.
        content_type: String,
        /// What is wrong with it.
        source: JsonError,
    },
    /// The reply is empty but should not be. After a create, the pipeline may exist.
    #[snafu(display("the answer ({status}) is empty"))]
    EmptyReply {
        /// The status.
        status: StatusCode,
    },
    /// The reply describes another pipeline than the one that was asked for. A create, change or restart may have taken effect all the same.
    #[snafu(display(
        "the answer describes another pipeline: its {field} is not the one that was asked for"
    ))]
    OtherPipeline {
        /// The field that differs.
        field: &'static str,
    },
    /// An event of a job's output exceeds the limit.
    #[snafu(display(
        "a batch of rows has more than {limit} bytes; select fewer columns, or raise the limit"
    ))]
    EventTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The pages of the list do not end.
    #[snafu(display("{problem}"))]
    Paging {
        /// What is wrong with the pages.
        problem: &'static str,
    },
    /// The request could not be built.
    #[snafu(display("the request cannot be built"))]
    Request {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn words(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

fn content(content_type: &str) -> String {
    if content_type.is_empty() {
        String::new()
    } else {
        format!(", {content_type}")
    }
}

use std::{fmt, time::Duration};

use http::StatusCode;
use snafu::Snafu;
use stepwell_transport::{Phase, TransportError, TransportErrorKind};

use crate::{Operation, printable};

/// A call of the API that did not come to its answer.
///
/// Its text names the operation, the pipeline and the server, as in `could not read the pipeline "orders" at http://host:5115: the server
/// answered 404 Not Found: Pipeline not found`. It never holds the query or a body that was sent. One pointer wide.
///
/// Two questions are answered apart: [`phase`](Self::phase), could it have taken effect already, and
/// [`is_retryable`](Self::is_retryable), could the same call succeed later.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::Method;
/// use stepwell_arroyo::{Client, Phase, PipelineId};
/// use stepwell_transport::{FakeTransport, SharedTransport};
///
/// let fake = FakeTransport::new().at("http://host:5115");
/// fake.expect(Method::GET, "/api/v1/pipelines/orders")
///     .reply_json(404, &serde_json::json!({"error": "Pipeline not found"}));
/// let client = Client::new(SharedTransport::new(fake));
///
/// let error = client.pipeline(&PipelineId::new("orders")?).await.unwrap_err();
/// assert!(error.is_not_found() && !error.is_retryable());
/// assert_eq!(error.phase(), Phase::Responded);
/// assert_eq!(
///     error.to_string(),
///     r#"could not read the pipeline "orders" at http://host:5115: the server answered 404 Not Found: Pipeline not found"#
/// );
/// # Ok(())
/// # }
/// ```
pub struct ClientError(Box<Inner>);

struct Inner {
    call: Call,
    kind: ClientErrorKind,
    retry_after: Option<Duration>,
}

/// What was called, for the text of an error.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    /// The pipeline's id, or the name of one that is to be created.
    pub(crate) pipeline: Option<String>,
    /// The server, without credentials.
    pub(crate) url: Option<String>,
}

/// What went wrong with a call.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum ClientErrorKind {
    /// There was no whole reply. A server whose handler panics closes without answering
    /// (recording `171_query_param_limit_u32max`).
    #[snafu(display("there was no whole answer"))]
    Transport {
        /// Why.
        source: TransportError,
    },
    /// The server answered with a status other than 2xx.
    #[snafu(display("the server answered {status}{}", words(message)))]
    Rejected {
        /// The status.
        status: StatusCode,
        /// The server's words, at most 8 KiB of them, without control characters but line feeds and tabs. When it gave none, what
        /// the status means here, or nothing.
        message: String,
        /// Whether it has the form of Arroyo's own errors, `{"error": "…"}`, rather than that of something in between.
        from_api: bool,
    },
    /// The reply is none that an Arroyo gives here: the HTML of a web page, most often, for an Arroyo answers 200 with its own web page
    /// outside of `/api/v1` (recordings `155_unknown_route_api_v2`, `158_root`).
    #[snafu(display(
        "the reply ({status}{}) is not from an Arroyo API; check the address and its path{}",
        content(content_type),
        words(start)
    ))]
    NotArroyo {
        /// The status.
        status: StatusCode,
        /// The content type of the reply; empty when it has none.
        content_type: String,
        /// The first 200 characters of the reply; empty for JSON, which may hold a query.
        start: String,
    },
    /// The reply is JSON, but not of the form that is expected here, or it breaks off.
    #[snafu(display(
        "the answer ({status}{}) cannot be read; is this server of a supported version, and is a proxy in between?",
        content(content_type)
    ))]
    Decode {
        /// The status.
        status: StatusCode,
        /// The content type of the reply; empty when it has none.
        content_type: String,
        /// What is wrong with it.
        source: JsonError,
    },
    /// The reply is empty where something was to be in it. Of a create this is ambiguous: it may have been made.
    #[snafu(display("the answer ({status}) is empty"))]
    EmptyReply {
        /// The status.
        status: StatusCode,
    },
    /// An event of a job's output is larger than it may be.
    #[snafu(display(
        "rows that come together have more than {limit} bytes; select fewer columns, or raise the limit"
    ))]
    EventTooLarge {
        /// How many bytes it may have.
        limit: usize,
    },
    /// The list does not come to an end.
    #[snafu(display("{problem}"))]
    Paging {
        /// What is wrong with the pages.
        problem: &'static str,
    },
    /// The request could not be made.
    #[snafu(display("the request cannot be written"))]
    Request {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What is wrong with JSON, without any text out of it: a reply may hold a query, and a query may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonError {
    message: String,
    breaks_off: bool,
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

impl ClientError {
    pub(crate) fn new(call: Call, kind: ClientErrorKind) -> Self {
        Self(Box::new(Inner {
            call,
            kind,
            retry_after: None,
        }))
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &ClientErrorKind {
        &self.0.kind
    }

    /// What was to be done.
    pub fn operation(&self) -> Operation {
        self.0.call.operation
    }

    /// The status of the reply, if there was a whole one.
    pub fn status(&self) -> Option<StatusCode> {
        match self.0.kind {
            ClientErrorKind::Rejected { status, .. }
            | ClientErrorKind::NotArroyo { status, .. }
            | ClientErrorKind::Decode { status, .. }
            | ClientErrorKind::EmptyReply { status } => Some(status),
            _ => None,
        }
    }

    /// How long the server asked to be left alone, in a 429 or 503 with `Retry-After` in seconds. It may be any time: bound it.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What went wrong with the connection, if that is what went wrong.
    pub fn transport_error_kind(&self) -> Option<TransportErrorKind> {
        match &self.0.kind {
            ClientErrorKind::Transport { source } => Some(source.kind()),
            _ => None,
        }
    }

    /// Whether an Arroyo answered that what was asked for is not there (recordings `106_get_pipeline_unknown`, `146_patch_unknown_id`).
    ///
    /// The 404 of a proxy, or of a path that the server does not know, says nothing of the pipeline and does not count; one with an empty
    /// body does. So does the 400 of a restart (`257_restart_unknown`), and of a patch up to 0.15 (`024_patch_missing` of 0.15.0).
    pub fn is_not_found(&self) -> bool {
        const NO_JOBS: [&str; 2] = ["There are no jobs for the pipeline", "No jobs for pipeline"];
        match &self.0.kind {
            ClientErrorKind::Rejected {
                status: StatusCode::BAD_REQUEST,
                message,
                from_api: true,
            } => NO_JOBS.contains(&message.as_str()),
            ClientErrorKind::Rejected {
                status: StatusCode::NOT_FOUND,
                message,
                from_api,
            } => message.is_empty() || *from_api && message != "Route not found",
            _ => false,
        }
    }

    /// Whether the server refused a pipeline for its query: it could not plan it (recordings `120_create_invalid_sql`–`123_create_empty_query`).
    pub fn is_invalid_query(&self) -> bool {
        // The first of them is what a server after 0.15 says; up to then the planner's own words come without it.
        const WORDS: [&str; 7] = [
            "Failed to plan query",
            "Failed to create table ",
            "SQL error: ",
            "Schema error: ",
            "Error during planning: ",
            "This feature is not implemented: ",
            "Query is empty",
        ];
        self.refusal()
            .is_some_and(|words| WORDS.iter().any(|start| words.starts_with(start)))
    }

    /// Whether the server refused a create because something with its id or name is there already (recordings
    /// `431_put_pipeline_same_id`, `717_pg_put_again`).
    pub fn is_already_there(&self) -> bool {
        const WORDS: [&str; 4] = ["already exist", "exists", "duplicate", "unique constraint"];
        !self.is_invalid_query()
            && self.refusal().is_some_and(|words| {
                let words = words.to_lowercase();
                WORDS.iter().any(|said| words.contains(said))
            })
    }

    /// The server's words of a 400 or 409.
    fn refusal(&self) -> Option<&str> {
        match &self.0.kind {
            ClientErrorKind::Rejected {
                status: StatusCode::BAD_REQUEST | StatusCode::CONFLICT,
                message,
                ..
            } => Some(message),
            _ => None,
        }
    }

    /// Could the call have taken effect already?
    pub fn phase(&self) -> Phase {
        match &self.0.kind {
            ClientErrorKind::Transport { source } => source.phase(),
            ClientErrorKind::Request { .. } => Phase::NotSent,
            _ => Phase::Responded,
        }
    }

    /// Could the same call succeed later, with nothing changed by a person? Whether it may be sent again is another question.
    ///
    /// Yes for a connection that was refused, cut or timed out, for 408, 429 and 5xx, and for a reply that is empty or breaks off. No for
    /// every other refusal, for an unknown host, for TLS, and for what is not an Arroyo.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            ClientErrorKind::Transport { source } => matches!(
                source.kind(),
                TransportErrorKind::Refused
                    | TransportErrorKind::Unreachable
                    | TransportErrorKind::TimedOut
                    | TransportErrorKind::Closed
                    | TransportErrorKind::Protocol
            ),
            ClientErrorKind::Rejected { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::REQUEST_TIMEOUT
                    || *status == StatusCode::TOO_MANY_REQUESTS
            }
            // As from a proxy that gives up.
            ClientErrorKind::Decode { source, .. } => source.breaks_off,
            ClientErrorKind::EmptyReply { .. } => true,
            ClientErrorKind::NotArroyo { .. }
            | ClientErrorKind::EventTooLarge { .. }
            | ClientErrorKind::Paging { .. }
            | ClientErrorKind::Request { .. } => false,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call {
            operation,
            pipeline,
            url,
        } = &self.0.call;
        write!(formatter, "could not {operation}")?;
        if let Some(pipeline) = pipeline {
            // A name may be of any length, and hold anything.
            write!(formatter, " {:?}", printable::line(pipeline, 100))?;
        }
        if let Some(url) = url {
            write!(formatter, " at {url}")?;
        }
        match &self.0.kind {
            // The source says it.
            ClientErrorKind::Transport { .. } => Ok(()),
            kind => write!(formatter, ": {kind}"),
        }
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientError")
            .field("call", &self.0.call)
            .field("kind", &self.0.kind)
            .finish()
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.kind)
    }
}

impl JsonError {
    pub(crate) fn new(error: &serde_json::Error) -> Self {
        Self {
            message: without_text(&error.to_string()),
            breaks_off: error.is_eof(),
        }
    }
}

/// serde quotes a text that is found where something else was expected.
fn without_text(message: &str) -> String {
    const FOUND: &str = "string \"";
    const EXPECTED: &str = "\", expected ";
    let Some(found) = message.find(FOUND) else {
        return message.to_owned();
    };
    // The last one: a quote inside of the text is escaped.
    let rest = match message.rfind(EXPECTED) {
        Some(expected) if expected + 1 >= found + FOUND.len() => &message[expected + 1..],
        _ => "",
    };
    format!("{}a string{rest}", &message[..found])
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("JsonError")
            .field(&self.message)
            .finish()
    }
}

impl std::error::Error for JsonError {}

const _: () = {
    assert!(size_of::<ClientError>() == size_of::<usize>());
    assert!(size_of::<JsonError>() <= 4 * size_of::<usize>());
};

#[cfg(test)]
mod tests;

//! The rows of a running job: [`JobOutput`].

mod events;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use stepwell_transport::StreamedBody;

use self::events::{EventDecoder, TooLong};
use crate::{
    ClientError, JsonError,
    error::{Call, ClientErrorKind},
};

/// How large an event may be, if nothing else is said.
const EVENT_LIMIT: usize = 16 * 1024 * 1024;

/// The rows of a job as they come, from [`Client::output`](crate::Client::output).
///
/// They begin with the row that the job is at. A server keeps none for who is not there, or too slow: what was missed shows in
/// [`RowBatch::start_id`]. The stream ends when the job does, or when the server goes.
///
/// Nothing is read ahead: who does not call [`next`](Self::next) slows the connection down. Dropping it closes the connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::Method;
/// use stepwell_arroyo::{Client, JobId, PipelineId};
/// use stepwell_transport::{FakeTransport, SharedTransport};
///
/// let fake = FakeTransport::new();
/// fake.expect(Method::GET, "/api/v1/pipelines/orders/jobs/job_1/output")
///     .reply_text(200, "text/event-stream", "")
///     .piece("data: {\"operator_id\":\"sink_preview_4\",\"subtask_idx\":0,\"start_id\":7,")
///     .piece("\"batch\":\"[{\\\"total\\\":1.0}]\"}\nid: 0\n\n");
/// let client = Client::new(SharedTransport::new(fake));
///
/// let mut output = client.output(&PipelineId::new("orders")?, &JobId::from_server("job_1")).await?;
/// while let Some(batch) = output.next().await? {
///     assert_eq!(batch.start_id, 7);
///     assert_eq!(batch.rows, [r#"{"total":1.0}"#]);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "rows come when they are asked for"]
pub struct JobOutput {
    /// For the text of an error.
    call: Call,
    content_type: String,
    decoder: EventDecoder,
    /// What has come and is not decoded yet.
    piece: Bytes,
    /// `None` when it has ended.
    body: Option<StreamedBody>,
}

/// Rows that came together. `Debug` shows how many, not which.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowBatch {
    /// The operator that they come from.
    pub operator_id: String,
    /// Its subtask.
    pub subtask: u32,
    /// The number of the first of them, counted from 0 by the subtask; those of a subtask follow each other without a gap, unless rows were
    /// missed.
    pub start_id: u64,
    /// Each the JSON of a row as the server wrote it, every digit of its numbers included, and on one line.
    pub rows: Vec<String>,
}

/// An event on the wire (recording `452_select_without_sink_output_sse`).
#[derive(Deserialize)]
struct WireEvent<'a> {
    #[serde(alias = "operatorId", default)]
    operator_id: String,
    #[serde(alias = "subtaskIdx", default)]
    subtask_idx: u32,
    #[serde(alias = "startId")]
    start_id: u64,
    /// JSON within JSON.
    #[serde(borrow)]
    batch: Cow<'a, str>,
}

impl JobOutput {
    pub(crate) fn new(call: Call, content_type: String, body: StreamedBody) -> Self {
        Self {
            call,
            content_type,
            decoder: EventDecoder::new(EVENT_LIMIT),
            piece: Bytes::new(),
            body: Some(body),
        }
    }

    /// How many bytes one event, with all its rows, may have; 16 MiB by default.
    pub fn event_limit(mut self, bytes: usize) -> Self {
        self.decoder.limit = bytes;
        self
    }

    /// The next rows; `None` at the end, and after an error.
    ///
    /// It has no deadline: a query may have no rows for hours.
    ///
    /// # Errors
    ///
    /// [`ClientErrorKind::Transport`] when the stream breaks off, [`ClientErrorKind::EventTooLarge`],
    /// [`ClientErrorKind::Decode`].
    ///
    /// # Cancel safety
    ///
    /// Safe: no row is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Option<RowBatch>, ClientError> {
        match self.advance().await {
            Ok(Some(batch)) => Ok(Some(batch)),
            Ok(None) => {
                self.body = None;
                Ok(None)
            }
            Err(kind) => {
                self.body = None;
                Err(ClientError::new(self.call.clone(), kind))
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<RowBatch>, ClientErrorKind> {
        while let Some(body) = &mut self.body {
            match self.decoder.feed(&mut self.piece) {
                Ok(Some(data)) => {
                    return decode(&data)
                        .map(Some)
                        .map_err(|error| ClientErrorKind::Decode {
                            status: StatusCode::OK,
                            content_type: self.content_type.clone(),
                            source: JsonError::new(&error),
                        });
                }
                Ok(None) => {}
                Err(TooLong) => {
                    return Err(ClientErrorKind::EventTooLarge {
                        limit: self.decoder.limit,
                    });
                }
            }
            match body.next().await {
                Ok(Some(piece)) => self.piece = piece,
                Ok(None) => break,
                Err(source) => return Err(ClientErrorKind::Transport { source }),
            }
        }
        Ok(None)
    }
}

fn decode(data: &[u8]) -> Result<RowBatch, serde_json::Error> {
    let event: WireEvent<'_> = serde_json::from_slice(data)?;
    let rows: Vec<&RawValue> = serde_json::from_str(&event.batch)?;
    Ok(RowBatch {
        operator_id: event.operator_id,
        subtask: event.subtask_idx,
        start_id: event.start_id,
        rows: rows.into_iter().map(on_one_line).collect(),
    })
}

/// A line break in JSON is white space between two tokens: in a text it must be escaped.
fn on_one_line(row: &RawValue) -> String {
    row.get().replace(['\n', '\r'], " ")
}

/// Whether these headers are those of a stream of events. Proxies drop a content type, but do not make up one.
pub(crate) fn is_event_stream(headers: &http::HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let media_type = value.as_bytes().split(|&byte| byte == b';').next();
        media_type.is_some_and(|name| {
            name.trim_ascii()
                .eq_ignore_ascii_case(EVENT_STREAM.as_bytes())
        })
    })
}

pub(crate) const EVENT_STREAM: &str = "text/event-stream";

impl fmt::Debug for RowBatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RowBatch")
            .field("operator_id", &self.operator_id)
            .field("subtask", &self.subtask)
            .field("start_id", &self.start_id)
            .field("rows", &self.rows.len())
            .finish()
    }
}

impl fmt::Debug for JobOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JobOutput")
            .field("ended", &self.body.is_none())
            .finish_non_exhaustive()
    }
}

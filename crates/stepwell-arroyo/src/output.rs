//! The rows of a running job: [`JobOutput`].

mod events;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use snafu::ResultExt;
use stepwell_transport::StreamedBody;

use self::events::{EventDecoder, TooLong};
use crate::{
    ClientError, JsonError,
    error::{Call, ClientErrorKind, TransportSnafu},
};

/// The default limit for an event, in bytes.
const EVENT_LIMIT: usize = 16 * 1024 * 1024;

/// The stream of a job's rows, from [`Client::output`](crate::Client::output).
///
/// It begins with the rows that the job produces now. A server keeps no rows for a client that is absent or too slow; gaps show in
/// [`RowBatch::start_id`]. The stream ends when the job or the server does.
///
/// Nothing is read ahead, so a slow reader slows the connection down. Dropping the stream closes the connection.
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
#[must_use = "no row is read until `next` is called"]
pub struct JobOutput {
    /// For error messages.
    call: Call,
    content_type: String,
    decoder: EventDecoder,
    /// Received but not yet decoded.
    piece: Bytes,
    /// `None` after the end.
    body: Option<StreamedBody>,
}

/// Rows that arrived together. `Debug` only shows their number.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowBatch {
    /// The operator that produced them.
    pub operator_id: String,
    /// Its subtask.
    pub subtask: u32,
    /// The number of the first row. Each subtask counts its rows from 0, so a gap means that rows were missed.
    pub start_id: u64,
    /// The rows as JSON, each on one line, with every number exactly as the server wrote it.
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

    /// Sets how many bytes one event with all its rows may have; 16 MiB by default.
    pub fn event_limit(mut self, bytes: usize) -> Self {
        self.decoder.limit = bytes;
        self
    }

    /// Returns the next rows, or `None` at the end and after an error.
    ///
    /// There is no deadline: a query may produce no rows for hours.
    ///
    /// # Errors
    ///
    /// [`ClientErrorKind::Transport`] if the stream breaks off, [`ClientErrorKind::EventTooLarge`], and
    /// [`ClientErrorKind::Decode`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no row is lost if the future is dropped.
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
            match body.next().await.context(TransportSnafu)? {
                Some(piece) => self.piece = piece,
                None => break,
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

/// Replaces line breaks, which in JSON can only be white space between tokens.
fn on_one_line(row: &RawValue) -> String {
    row.get().replace(['\n', '\r'], " ")
}

/// Whether the headers are those of an event stream. A missing content type counts, because proxies may drop it.
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

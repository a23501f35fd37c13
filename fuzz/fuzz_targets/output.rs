//! Any bytes as the output of a job, cut into pieces of any size.

#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Request, Response};
use libfuzzer_sys::fuzz_target;
use stepwell_arroyo::{Client, ClientError, JobId, PipelineId, RowBatch};
use stepwell_fuzz::now;
use stepwell_transport::{
    Phase, Pieces, SharedTransport, StreamedBody, Transport, TransportError, TransportErrorKind,
};

/// Small enough to be met by what a fuzzer makes.
const LIMIT: usize = 512;

#[derive(Debug)]
struct Cut {
    body: Bytes,
    size: usize,
}

struct Queue(VecDeque<Bytes>);

impl Pieces for Queue {
    async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        Ok(self.0.pop_front())
    }
}

impl Transport for Cut {
    async fn execute(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (kind, phase) = (TransportErrorKind::Other, Phase::NotSent);
        Err(TransportError::new(
            kind,
            phase,
            "only streams are asked for",
        ))
    }

    async fn execute_streamed(
        &self,
        _: Request<Bytes>,
    ) -> Result<Response<StreamedBody>, TransportError> {
        let pieces = self.body.chunks(self.size).map(Bytes::copy_from_slice);
        Ok(Response::new(StreamedBody::new(Queue(pieces.collect()))))
    }
}

/// The rows before the end, and whether it was an error.
async fn read(body: &[u8], size: usize) -> Result<(Vec<RowBatch>, bool), ClientError> {
    let body = Bytes::copy_from_slice(body);
    let client = Client::new(SharedTransport::new(Cut { body, size }));
    let (id, job) = (PipelineId::from_server("p"), JobId::from_server("j"));
    let mut output = client.output(&id, &job).await?.event_limit(LIMIT);
    let mut batches = Vec::new();
    loop {
        match output.next().await {
            Ok(Some(batch)) => batches.push(batch),
            Ok(None) => return Ok((batches, false)),
            Err(error) => {
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("hunter2"), "{shown}");
                return Ok((batches, true));
            }
        }
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, body) = input;
    let whole = now(read(body, usize::MAX)).expect("it is opened");
    let cut = now(read(body, usize::from(size).max(1))).expect("it is opened");
    assert!(cut == whole, "it is read differently when it is cut");
    for row in whole.0.iter().flat_map(|batch| &batch.rows) {
        assert!(!row.contains(['\n', '\r']), "{row:?}");
        assert!(row.len() <= LIMIT);
        serde_json::from_str::<serde::de::IgnoredAny>(row).expect("a row is JSON");
    }
});

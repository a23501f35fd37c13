//! `GET …/jobs/{id}/output`: the rows of a job as server-sent events, as in recording `452_select_without_sink_output_sse`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use stepwell_arroyo::{Job, JobId, JobState, Pipeline};
use tokio::sync::mpsc;

use super::error_reply::ErrorReply;
use crate::controller::Controller;
use crate::worker::{JobOutputs, RowBatch};

/// A whole reply, or the rows of a job as they are written.
pub(super) type Body = Either<Full<Bytes>, OutputBody>;

pub(super) fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| Either::Left(Full::new(body)))
}

/// The ids of pipeline and job in the path of a job's output, still percent-encoded; `None` for every other request.
pub(super) fn output_path<'a>(method: &Method, path: &'a str) -> Option<(&'a str, &'a str)> {
    let path = path.strip_prefix("/api/v1/pipelines/")?;
    let (pipeline, rest) = path.split_once("/jobs/")?;
    let job = rest.strip_suffix("/output")?;
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    (is_read && !pipeline.contains('/') && !job.contains('/')).then_some((pipeline, job))
}

#[derive(Deserialize)]
struct Jobs {
    data: Vec<Job>,
}

/// Answers requests for the output of jobs.
#[derive(Debug)]
pub(super) struct JobOutput {
    pub(super) controller: Controller,
    pub(super) outputs: JobOutputs,
}

impl JobOutput {
    /// The rows of a job from now on, or why there are none. The checks are in Arroyo's order.
    pub(super) async fn follow(
        &self,
        pipeline: &str,
        job: &str,
        method: &Method,
    ) -> Result<Response<Body>, ErrorReply> {
        let path = format!("/api/v1/pipelines/{pipeline}");
        let jobs: Jobs = self.read(&format!("{path}/jobs")).await?;
        let job_id = JobId::from_server(job);
        let job = jobs
            .data
            .into_iter()
            .find(|job| job.id == job_id)
            .ok_or_else(no_such_job)?;
        let pipeline: Pipeline = self.read(&path).await?;
        let nodes = pipeline.graph.nodes();
        let preview = nodes
            .iter()
            .find(|node| node.operator == "preview")
            .ok_or_else(|| bad_request("Job does not have a preview sink"))?;
        let batches = self
            .outputs
            .follow(&job_id)
            .filter(|_| job.state == JobState::Running)
            .ok_or_else(|| bad_request("Job must be running to read output"))?;
        let mut response = if *method == Method::HEAD {
            whole(Response::default())
        } else {
            Response::new(Either::Right(OutputBody {
                batches,
                operator_id: format!("sink_preview_{}", preview.node_id),
                events: 0,
            }))
        };
        let headers = response.headers_mut();
        let event_stream = HeaderValue::from_static("text/event-stream");
        headers.insert(header::CONTENT_TYPE, event_stream);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    /// Reads a resource of the control plane. If it does not exist, the job does not.
    async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ErrorReply> {
        let request = Request::get(path).body(Bytes::new());
        let request = request.map_err(|_| no_such_job())?;
        let response = self
            .controller
            .answer(request)
            .await
            .ok_or_else(ErrorReply::closing)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(no_such_job()),
            status => return Err(ErrorReply::new(status, "the job could not be looked up")),
        }
        serde_json::from_slice(response.body()).map_err(|_| {
            ErrorReply::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the job could not be read; this is a fault in the engine",
            )
        })
    }
}

fn no_such_job() -> ErrorReply {
    ErrorReply::new(StatusCode::NOT_FOUND, "Job not found")
}

fn bad_request(message: &str) -> ErrorReply {
    ErrorReply::new(StatusCode::BAD_REQUEST, message)
}

/// The events for one client. Each is formatted when hyper asks for it, in the task of the connection.
#[derive(Debug)]
pub(super) struct OutputBody {
    batches: mpsc::Receiver<Arc<RowBatch>>,
    operator_id: String,
    /// How many events were sent.
    events: u64,
}

/// The fields are in Arroyo's order.
#[derive(Serialize)]
struct Event<'a> {
    operator_id: &'a str,
    subtask_idx: u32,
    timestamps: Vec<u64>,
    start_id: u64,
    batch: String,
}

impl OutputBody {
    fn event(&mut self, batch: &RowBatch) -> Bytes {
        let mut rows = String::from("[");
        for row in &batch.rows {
            if rows.len() > 1 {
                rows.push(',');
            }
            rows.push_str(&String::from_utf8_lossy(row));
        }
        rows.push(']');
        let event = Event {
            operator_id: &self.operator_id,
            subtask_idx: batch.subtask,
            timestamps: vec![batch.time; batch.rows.len()],
            start_id: batch.start_id,
            batch: rows,
        };
        // Encoding numbers and strings cannot fail.
        let data = serde_json::to_string(&event).unwrap_or_default();
        let id = self.events;
        self.events += 1;
        Bytes::from(format!("data: {data}\nid: {id}\n\n"))
    }
}

impl hyper::body::Body for OutputBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.batches.poll_recv(context).map(|batch| {
            let event = self.event(&*batch?);
            Some(Ok(Frame::data(event)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_of_an_output_is_one() {
        let path = "/api/v1/pipelines/pl_1/jobs/job_1/output";
        assert_eq!(output_path(&Method::GET, path), Some(("pl_1", "job_1")));
        assert_eq!(output_path(&Method::HEAD, path), Some(("pl_1", "job_1")));
        assert_eq!(output_path(&Method::POST, path), None);
        for other in [
            "/api/v1/pipelines/pl_1/jobs/job_1/errors",
            "/api/v1/pipelines/pl_1/jobs/job_1/x/output",
            "/api/v1/pipelines/a/b/jobs/job_1/output",
            "/api/v1/pipelines/pl_1/jobs/job_1/output/",
            "/api/v2/pipelines/pl_1/jobs/job_1/output",
        ] {
            assert_eq!(output_path(&Method::GET, other), None, "{other}");
        }
    }

    #[test]
    fn an_event_is_written_as_arroyo_writes_it() {
        let mut body = OutputBody {
            batches: mpsc::channel(1).1,
            operator_id: "sink_preview_4".to_owned(),
            events: 0,
        };
        let batch = RowBatch {
            subtask: 0,
            start_id: 21,
            time: 1_795_575_650_398_407,
            rows: vec![Bytes::from_static(br#"{"counter":21,"subtask_index":0}"#)],
        };
        let recording = concat!(
            r#"data: {"operator_id":"sink_preview_4","subtask_idx":0,"timestamps":[1795575650398407],"#,
            r#""start_id":21,"batch":"[{\"counter\":21,\"subtask_index\":0}]"}"#,
            "\nid: 0\n\n"
        );
        assert_eq!(body.event(&batch), recording);
        assert!(body.event(&batch).ends_with(b"\nid: 1\n\n"));
    }
}

//! Status pages, at the paths where Arroyo has its web UI: plain HTML, built for each request from the replies of the API, with nothing
//! that could change a pipeline.
//!
//! A page does not reload itself, because that would interrupt reading, above all in a text browser.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stepwell_arroyo::{Job, Pipeline};

use self::html::{Html, segment};
use self::pipeline::{RowCounts, View};
use self::time::Moment;
use crate::controller::Controller;
use crate::worker::JobCounters;

mod html;
mod job;
mod list;
mod pipeline;
#[cfg(test)]
mod tests;
mod time;

/// A page loads nothing, sends nothing, is neither framed nor cached, and no other origin can read it.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Whether a path belongs to the status pages rather than the API.
pub(crate) fn is_page(path: &str) -> bool {
    path.strip_prefix("/api/v1")
        .is_none_or(|rest| !(rest.is_empty() || rest.starts_with('/')))
}

/// Answers requests for status pages.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) controller: Controller,
    pub(crate) counters: JobCounters,
}

/// Why there is no page.
enum Missing {
    /// The page or the pipeline does not exist.
    Unknown,
    /// The engine cannot answer now, for this reason.
    Unanswered(String),
}

/// A list of the API.
#[derive(Deserialize)]
struct All<T> {
    data: Vec<T>,
}

impl Pages {
    pub(crate) async fn answer(&self, head: &request::Parts) -> Response<Bytes> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let mut response = message(
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
                "This is a page to look at. The API is under /api/v1.",
            );
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
            return response;
        }
        let page = match head.uri.path() {
            "/" | "/pipelines" => self.list().await,
            path => match path.strip_prefix("/pipelines/") {
                Some(id) if !id.is_empty() && !id.contains('/') => self.pipeline(id).await,
                _ => Err(Missing::Unknown),
            },
        };
        match page {
            Ok(text) => reply(StatusCode::OK, text),
            Err(Missing::Unknown) => message(
                StatusCode::NOT_FOUND,
                "Not found",
                "There is no such page, or no such pipeline any more. The API is under /api/v1.",
            ),
            Err(Missing::Unanswered(words)) => message(
                StatusCode::SERVICE_UNAVAILABLE,
                "No answer",
                &format!("The engine cannot say now: {words}"),
            ),
        }
    }

    async fn list(&self) -> Result<String, Missing> {
        let pipelines: All<Pipeline> = self.read(format!("/pipelines?limit={}", u32::MAX)).await?;
        let jobs: All<Job> = self.read("/jobs".to_owned()).await?;
        Ok(list::render(&pipelines.data, &jobs.data, Moment::now()))
    }

    /// `id` is a path segment, still percent-encoded.
    async fn pipeline(&self, id: &str) -> Result<String, Missing> {
        let pipeline: Pipeline = self.read(format!("/pipelines/{id}")).await?;
        let jobs: All<Job> = self.read(format!("/pipelines/{id}/jobs")).await?;
        let job = jobs.data.into_iter().next().ok_or(Missing::Unknown)?;
        let of_job = format!("/pipelines/{id}/jobs/{}", segment(job.id.as_str()));
        let errors: All<_> = self.read(format!("{of_job}/errors")).await?;
        let checkpoints: All<_> = self.read(format!("{of_job}/checkpoints")).await?;
        let sizes = self.controller.checkpoint_sizes(&job.id).await;
        let counters = self.counters.find(&job.id);
        let rows = counters.map_or_else(RowCounts::default, |counters| RowCounts {
            taken_in: counters.rows_in(),
            given_out: Some(counters.rows_out()),
        });
        let view = View {
            pipeline,
            job,
            errors: errors.data,
            checkpoints: checkpoints.data,
            sizes: sizes.unwrap_or_default(),
            rows,
        };
        Ok(pipeline::render(&view, Moment::now()))
    }

    /// Reads a resource of the API.
    async fn read<T: DeserializeOwned>(&self, path: String) -> Result<T, Missing> {
        let request = Request::get(format!("/api/v1{path}"))
            .body(Bytes::new())
            .map_err(|_| Missing::Unknown)?;
        let Some(reply) = self.controller.answer(request).await else {
            return Err(Missing::Unanswered("it is closing".to_owned()));
        };
        if reply.status().is_client_error() {
            return Err(Missing::Unknown);
        }
        if !reply.status().is_success() {
            #[derive(Deserialize)]
            struct Refused {
                error: String,
            }
            let words = serde_json::from_slice(reply.body())
                .map_or_else(|_| String::new(), |Refused { error }| error);
            return Err(Missing::Unanswered(words));
        }
        serde_json::from_slice(reply.body())
            .map_err(|_| Missing::Unanswered("its own answer cannot be read".to_owned()))
    }
}

fn message(status: StatusCode, title: &str, text: &str) -> Response<Bytes> {
    let mut html = Html::new(title);
    html.paragraph(text);
    html.link("/pipelines", "All pipelines");
    reply(status, html.end())
}

fn reply(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

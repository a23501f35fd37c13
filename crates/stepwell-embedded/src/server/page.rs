//! Status pages for people: what is outside of the API. An Arroyo has its web UI there; here it is plain HTML, made anew for each
//! request out of what the API says, and nothing that could act.
//!
//! A page does not reload itself: that would interrupt whoever reads it, in a terminal's browser above all.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::array::temporal_conversions::timestamp_us_to_datetime;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stepwell_arroyo::{Job, JobState, Pipeline};

use self::html::{Html, segment};
use self::pipeline::{RowCounts, View};
use crate::controller::Controller;
use crate::counters::JobCounters;

mod html;
mod list;
mod pipeline;
#[cfg(test)]
mod tests;

/// Nothing is loaded, nothing is sent, nobody frames it, nothing is kept, and no other origin can read it.
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

/// Whether a path is one of a page, and not of the API.
pub(super) fn is_page(path: &str) -> bool {
    path.strip_prefix("/api/v1")
        .is_none_or(|rest| !(rest.is_empty() || rest.starts_with('/')))
}

/// What the pages are made of.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) controller: Controller,
    pub(super) counters: JobCounters,
}

/// Why there is no page.
enum Missing {
    /// There is no such thing.
    Unknown,
    /// The engine cannot say now, for this reason.
    Unanswered(String),
}

/// A list of the API.
#[derive(Deserialize)]
struct All<T> {
    data: Vec<T>,
}

impl Pages {
    pub(super) async fn answer(&self, head: &request::Parts) -> Response<Bytes> {
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

    /// `id` is a segment of a path, as it came.
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

    /// What the API says.
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

/// A time, in microseconds of Unix time.
#[derive(Clone, Copy, Debug)]
struct Moment(u64);

impl Moment {
    fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since.unwrap_or_default().as_micros();
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn as_of(self) -> String {
        format!("As of {self}. This page does not reload by itself.")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the part of a second.
        let seconds = self.0 / 1_000_000 * 1_000_000;
        match i64::try_from(seconds)
            .ok()
            .and_then(timestamp_us_to_datetime)
        {
            Some(time) => write!(formatter, "{time} UTC"),
            None => write!(formatter, "{} µs", self.0),
        }
    }
}

fn moment(micros: u64) -> String {
    Moment(micros).to_string()
}

/// Since when a job is what it is, as far as it says.
fn since(job: &Job) -> String {
    let time = match job.state {
        JobState::Running => job.start_time,
        _ if job.state.is_terminal() => job.finish_time,
        _ => None,
    };
    moment(time.unwrap_or(job.created_at))
}

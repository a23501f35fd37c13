//! Answers requests: status pages and job output here, the API by the controller.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;

use super::body::{BodyError, read_body};
use super::error_reply::ErrorReply;
use super::guard::Guard;
use super::output::{Body, JobOutput, output_path, whole};
use crate::controller::Controller;
use crate::page::{Pages, is_page};
use crate::plan::Planner;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) guard: Guard,
    pub(super) pages: Pages,
    pub(super) output: JobOutput,
    pub(super) controller: Controller,
    pub(super) planner: Planner,
}

impl Service {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match self.try_answer(request).await {
            Ok(response) => response,
            Err(error) => whole(error.into_response()),
        }
    }

    async fn try_answer(&self, request: Request<Incoming>) -> Result<Response<Body>, ErrorReply> {
        self.guard.check(&request)?;
        match output_path(request.method(), request.uri().path()) {
            Some((pipeline, job)) => self.output.follow(pipeline, job, request.method()).await,
            None => self.answer_whole(request).await.map(whole),
        }
    }

    async fn answer_whole(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Bytes>, ErrorReply> {
        let (mut head, body) = request.into_parts();
        if head.uri.authority().is_some() {
            head.uri = origin_form(&head.uri);
        }
        let body = read_body(body).await.map_err(body_refused)?;
        if is_page(head.uri.path()) {
            return Ok(self.pages.answer(&head).await);
        }
        if matches!(head.method, Method::POST | Method::PUT) {
            self.planner.plan_ahead(&body).await;
        }
        let answer = self.controller.answer(Request::from_parts(head, body));
        answer.await.ok_or_else(ErrorReply::closing)
    }
}

fn body_refused(error: BodyError) -> ErrorReply {
    match error {
        // The text of the framework that Arroyo is built on.
        BodyError::TooLarge => ErrorReply::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Failed to buffer the request body: length limit exceeded",
        ),
        BodyError::TimedOut => ErrorReply::new(
            StatusCode::REQUEST_TIMEOUT,
            "the request body did not arrive in time",
        ),
        BodyError::Broken => ErrorReply::new(
            StatusCode::BAD_REQUEST,
            "the request body could not be read",
        ),
    }
}

fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query()
        .cloned()
        .map_or_else(Uri::default, Uri::from)
}

use std::{fmt, panic::Location, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use super::{
    FakeTransport,
    script::{Answer, Expected, Step, Times},
};
use crate::{Phase, TransportErrorKind};

/// An expected request and the answer to it. It takes the position in the script at which [`FakeTransport::expect`] was called; the methods
/// modify it in place.
pub struct Expectation<'a> {
    fake: &'a FakeTransport,
    index: usize,
}

impl<'a> Expectation<'a> {
    #[track_caller]
    pub(super) fn new(fake: &'a FakeTransport, method: Method, path: String) -> Self {
        let index = fake.script().expect(Expected {
            method,
            path,
            json: None,
            times: Times::Exactly(1),
            answer: Answer {
                outcome: Ok(Response::new(Bytes::new())),
                stream: Vec::new(),
                delay: Duration::ZERO,
                hangs: false,
            },
            stated_at: Location::caller(),
        });
        Self { fake, index }
    }

    fn change(self, change: impl FnOnce(&mut Expected)) -> Self {
        self.fake.script().change(self.index, change);
        self
    }

    /// Requires this JSON as the body of the request.
    pub fn with_json(self, body: serde_json::Value) -> Self {
        self.change(|expected| expected.json = Some(body))
    }

    /// Expects and answers the request this many times.
    pub fn times(self, times: usize) -> Self {
        self.change(|expected| expected.times = Times::Exactly(times))
    }

    /// Allows the request any number of times, including none.
    pub fn always(self) -> Self {
        self.change(|expected| expected.times = Times::Any)
    }

    /// Delays the answer, on tokio's clock. If the delay exceeds the request's [`Timeout`](crate::Timeout), the request times out.
    pub fn delay(self, delay: Duration) -> Self {
        self.change(|expected| expected.answer.delay = delay)
    }

    /// Answers with this status and body, without a content type.
    pub fn reply(self, status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.respond(status, body, None)
    }

    /// Answers with this status and text.
    pub fn reply_text(
        self,
        status: u16,
        content_type: &'static str,
        body: impl Into<String>,
    ) -> Self {
        let body = Bytes::from(body.into());
        self.respond(status, body, Some(HeaderValue::from_static(content_type)))
    }

    /// Answers with this status and JSON.
    ///
    /// # Panics
    ///
    /// Panics if the value cannot be serialized as JSON.
    #[track_caller]
    pub fn reply_json(self, status: u16, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.respond(
                status,
                Bytes::from(body),
                Some(HeaderValue::from_static("application/json")),
            ),
            Err(error) => panic!("the reply cannot be serialized as JSON: {error}"),
        }
    }

    fn respond(self, status: u16, body: Bytes, content_type: Option<HeaderValue>) -> Self {
        let mut reply = Response::new(body);
        *reply.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(content_type) = content_type {
            reply
                .headers_mut()
                .insert(header::CONTENT_TYPE, content_type);
        }
        self.change(|expected| expected.answer.outcome = Ok(reply))
    }

    /// Adds a header to the reply. Call it after the reply has been set.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.change(|expected| {
            if let Ok(reply) = &mut expected.answer.outcome {
                reply.headers_mut().insert(name, value);
            }
        })
    }

    /// Adds a piece to the streamed body. Pieces, [pauses](Self::pause) and a [failure](Self::break_off) are sent in the order of the
    /// calls; the body ends after the last one.
    ///
    /// [`execute`](crate::Transport::execute) ignores them and returns only the body given to [`reply`](Self::reply).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use bytes::Bytes;
    /// use http::{Method, Request};
    /// use stepwell_transport::{FakeTransport, Transport, TransportErrorKind};
    ///
    /// let fake = FakeTransport::new();
    /// fake.expect(Method::GET, "/output")
    ///     .reply_text(200, "text/event-stream", "")
    ///     .piece("data: 1\n\n")
    ///     .pause(Duration::from_secs(3))
    ///     .break_off(TransportErrorKind::Closed);
    ///
    /// let request = Request::get("/output").body(Bytes::new()).unwrap();
    /// let mut body = fake.execute_streamed(request).await.unwrap().into_body();
    /// assert_eq!(body.next().await.unwrap().unwrap(), "data: 1\n\n");
    /// assert_eq!(body.next().await.unwrap_err().kind(), TransportErrorKind::Closed);
    /// assert!(body.next().await.unwrap().is_none());
    /// # }
    /// ```
    pub fn piece(self, piece: impl Into<Bytes>) -> Self {
        let piece = Step::Piece(piece.into());
        self.then(piece)
    }

    /// Pauses the streamed body, on tokio's clock.
    pub fn pause(self, pause: Duration) -> Self {
        self.then(Step::Pause(pause))
    }

    /// Breaks off the streamed body here.
    pub fn break_off(self, kind: TransportErrorKind) -> Self {
        self.then(Step::Fail(kind))
    }

    /// Keeps the streamed body open forever without another piece.
    pub fn fall_silent(self) -> Self {
        self.then(Step::Hang)
    }

    fn then(self, step: Step) -> Self {
        self.change(|expected| expected.answer.stream.push(step))
    }

    /// Fails the request. `phase` says how far the request got; [`Phase::MaybeSent`] simulates a lost reply.
    pub fn fail(self, kind: TransportErrorKind, phase: Phase) -> Self {
        self.change(|expected| expected.answer.outcome = Err((kind, phase)))
    }

    /// Never answers. The request fails when its timeout expires, as [`Phase::MaybeSent`].
    pub fn hang(self) -> Self {
        self.change(|expected| expected.answer.hangs = true)
    }
}

impl fmt::Debug for Expectation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Expectation")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

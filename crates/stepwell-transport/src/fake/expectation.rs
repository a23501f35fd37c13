use std::{fmt, panic::Location, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use super::{
    FakeTransport,
    script::{Answer, Expected, Step, Times},
};
use crate::{Phase, TransportErrorKind};

/// A request that is expected, and its answer. It takes its place in the script when it was made; what is said of it later changes it.
pub struct Expectation<'a> {
    fake: &'a FakeTransport,
    place: usize,
}

impl<'a> Expectation<'a> {
    #[track_caller]
    pub(super) fn new(fake: &'a FakeTransport, method: Method, path: String) -> Self {
        let place = fake.script().expect(Expected {
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
        Self { fake, place }
    }

    fn change(self, change: impl FnOnce(&mut Expected)) -> Self {
        self.fake.script().change(self.place, change);
        self
    }

    /// The request's body must be this JSON.
    pub fn with_json(self, body: serde_json::Value) -> Self {
        self.change(|expected| expected.json = Some(body))
    }

    /// It is expected, and answered, so many times.
    pub fn times(self, times: usize) -> Self {
        self.change(|expected| expected.times = Times::Exactly(times))
    }

    /// It may come any number of times, also none.
    pub fn always(self) -> Self {
        self.change(|expected| expected.times = Times::Any)
    }

    /// The answer comes after this time, on tokio's clock. Past the request's deadline it does not come.
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
    /// When the value has no JSON form.
    #[track_caller]
    pub fn reply_json(self, status: u16, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.respond(
                status,
                Bytes::from(body),
                Some(HeaderValue::from_static("application/json")),
            ),
            Err(error) => panic!("the reply has no JSON form: {error}"),
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

    /// Adds a header to the reply, which must have been given before.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.change(|expected| {
            if let Ok(reply) = &mut expected.answer.outcome {
                reply.headers_mut().insert(name, value);
            }
        })
    }

    /// A piece of a streamed body. Pieces, [pauses](Self::pause) and [a break](Self::break_off) come in the order in which they are
    /// stated; after the last of them the body ends.
    ///
    /// [`execute`](crate::Transport::execute) knows nothing of them: it gives the reply with the body of [`reply`](Self::reply).
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

    /// A time without a piece in a streamed body, on tokio's clock.
    pub fn pause(self, pause: Duration) -> Self {
        self.then(Step::Pause(pause))
    }

    /// The streamed body breaks off here.
    pub fn break_off(self, kind: TransportErrorKind) -> Self {
        self.then(Step::Fail(kind))
    }

    /// The streamed body goes on for ever, and nothing more comes.
    pub fn fall_silent(self) -> Self {
        self.then(Step::Hang)
    }

    fn then(self, step: Step) -> Self {
        self.change(|expected| expected.answer.stream.push(step))
    }

    /// Fails. The phase says how far the request came: [`Phase::MaybeSent`] is a reply that was lost.
    pub fn fail(self, kind: TransportErrorKind, phase: Phase) -> Self {
        self.change(|expected| expected.answer.outcome = Err((kind, phase)))
    }

    /// Never answers: the request ends by its deadline, as [`Phase::MaybeSent`].
    pub fn hang(self) -> Self {
        self.change(|expected| expected.answer.hangs = true)
    }
}

impl fmt::Debug for Expectation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Expectation")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

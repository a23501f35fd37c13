//! Transports for tests of code that drives one.

mod expectation;
mod script;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};

use self::{
    script::{Answer, Order, Script, Step},
    stream::Scripted,
};
use crate::{Phase, StreamedBody, Timeout, Transport, TransportError, TransportErrorKind};

pub use self::expectation::Expectation;

/// A transport that never answers: what waits for it ends by its own timeout, or not at all.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NeverTransport;

impl Transport for NeverTransport {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        hang(request.extensions().get().copied()).await
    }

    async fn execute_streamed(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<StreamedBody>, TransportError> {
        hang(request.extensions().get().copied()).await
    }
}

/// A transport that follows a script.
///
/// A test says what it expects to be asked and what is answered; anything else that is asked fails the test with what was expected and
/// what came, and so does an expectation that is left over when the last handle is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::time::Duration;
/// use bytes::Bytes;
/// use http::{Method, Request};
/// use stepwell_transport::{FakeTransport, Phase, Transport, TransportErrorKind};
///
/// let fake = FakeTransport::new();
/// fake.expect(Method::GET, "/api/v1/ping").fail(TransportErrorKind::Refused, Phase::NotSent);
/// fake.expect(Method::GET, "/api/v1/ping").delay(Duration::from_secs(2)).reply_json(200, &"Pong");
///
/// let ping = || Request::get("/api/v1/ping").body(Bytes::new()).unwrap();
/// assert_eq!(fake.execute(ping()).await.unwrap_err().phase(), Phase::NotSent);
/// assert_eq!(fake.execute(ping()).await.unwrap().body().as_ref(), b"\"Pong\"");
///
/// assert_eq!(fake.requests().len(), 2);
/// fake.finish();
/// # }
/// ```
///
/// Requests come in the order of the script ([`new`](Self::new)), or in any ([`any_order`](Self::any_order)) for code that works on
/// several things at once. Delays and hanging requests are on tokio's clock: with a paused one they take no time.
pub struct FakeTransport {
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    base_url: Uri,
}

/// A request that was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Its method.
    pub method: Method,
    /// Its path, with its query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl RecordedRequest {
    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl FakeTransport {
    /// A script whose requests come in its order.
    pub fn new() -> Self {
        Self::with(Order::Strict)
    }

    /// A script whose requests come in any order; of two expectations that fit, the earlier is taken.
    pub fn any_order() -> Self {
        Self::with(Order::Any)
    }

    fn with(order: Order) -> Self {
        let base_url = Uri::from_static("http://fake.test:5115");
        Self {
            shared: Arc::new(Shared {
                script: Mutex::new(Script::new(order)),
                base_url,
            }),
        }
    }

    /// The same script at another address; to be called before it is cloned.
    ///
    /// # Panics
    ///
    /// When it has been cloned already, or the text is no address.
    #[track_caller]
    #[must_use]
    pub fn at(mut self, base_url: &str) -> Self {
        match (Arc::get_mut(&mut self.shared), base_url.parse()) {
            (Some(shared), Ok(uri)) => shared.base_url = uri,
            (None, _) => panic!("the fake has been cloned before it was given its address"),
            (_, Err(error)) => panic!("{base_url:?} is no address: {error}"),
        }
        self
    }

    /// Expects a request with this method and path. The query is part of the path; a path that ends with `?` fits with any query.
    ///
    /// It is answered once, with an empty 200, unless the [`Expectation`] says otherwise.
    #[track_caller]
    pub fn expect(&self, method: Method, path: impl Into<String>) -> Expectation<'_> {
        Expectation::new(self, method, path.into())
    }

    /// All requests that were made, in their order.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.script().requests.clone()
    }

    /// Fails when an expectation is left over. Dropping the last handle does the same.
    ///
    /// # Panics
    ///
    /// When one is.
    #[track_caller]
    pub fn finish(&self) {
        let left = self.script().left_over();
        assert!(left.is_empty(), "expected and never requested:\n{left}");
    }

    async fn play(
        &self,
        request: Request<Bytes>,
    ) -> Result<(Response<Bytes>, Vec<Step>), TransportError> {
        let timeout: Option<Timeout> = request.extensions().get().copied();
        let recorded = RecordedRequest {
            method: request.method().clone(),
            path: request.uri().to_string(),
            headers: request.headers().clone(),
            body: request.body().clone(),
        };
        // The guard is gone before anything is awaited or panics.
        let answered = self.script().answer(recorded);
        match answered {
            Ok(answer) => play(answer, timeout).await,
            Err(mismatch) => panic!("{mismatch}"),
        }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.shared
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FakeTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for FakeTransport {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl fmt::Debug for FakeTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FakeTransport")
            .field("requests", &self.script().requests.len())
            .finish()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let script = self
            .script
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let left = script.left_over();
        // A test that has failed already says enough.
        let passes = left.is_empty() || std::thread::panicking();
        assert!(passes, "expected and never requested:\n{left}");
    }
}

impl Transport for FakeTransport {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (reply, _) = self.play(request).await?;
        Ok(reply)
    }

    async fn execute_streamed(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<StreamedBody>, TransportError> {
        let (reply, stream) = self.play(request).await?;
        Ok(reply.map(|body| {
            if stream.is_empty() {
                StreamedBody::whole(body)
            } else {
                StreamedBody::new(Scripted::new(body, stream))
            }
        }))
    }

    fn base_url(&self) -> Option<Uri> {
        Some(self.shared.base_url.clone())
    }
}

async fn play(
    answer: Answer,
    timeout: Option<Timeout>,
) -> Result<(Response<Bytes>, Vec<Step>), TransportError> {
    let late = timeout.is_some_and(|Timeout(timeout)| answer.delay > timeout);
    if answer.hangs || late {
        return hang(timeout).await;
    }
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    match answer.outcome {
        Ok(reply) => Ok((reply, answer.stream)),
        Err((kind, phase)) => Err(failure(kind, phase)),
    }
}

fn failure(kind: TransportErrorKind, phase: Phase) -> TransportError {
    let message = format!("the fake fails here: {kind:?}, {phase:?}");
    TransportError::new(kind, phase, message)
}

async fn hang<T>(timeout: Option<Timeout>) -> Result<T, TransportError> {
    match timeout {
        Some(Timeout(timeout)) => tokio::time::sleep(timeout).await,
        None => pending().await,
    }
    let timeout = timeout.map_or(Duration::ZERO, |Timeout(timeout)| timeout);
    let error = TransportError::new(TransportErrorKind::TimedOut, Phase::MaybeSent, "no reply");
    Err(error.took(timeout))
}

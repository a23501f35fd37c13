//! Transports for testing code that uses a transport.

mod expectation;
mod never;
mod recorded_request;
mod script;
mod scripted_body;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{Method, Request, Response, Uri};

use self::{
    never::hang,
    script::{Answer, Order, Script, Step},
    scripted_body::{ScriptedBody, failure},
};
use crate::{StreamedBody, Timeout, Transport, TransportError};

pub use self::{
    expectation::Expectation, never::NeverTransport, recorded_request::RecordedRequest,
};

/// A transport that follows a script.
///
/// A test declares the requests that it expects and the replies to them. A request that does not match fails the test with a message that
/// shows both. So does an expectation that is left over when the last handle is dropped.
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
/// Requests must come in the order of the script ([`new`](Self::new)), or may come in any order ([`any_order`](Self::any_order)) for code
/// that is concurrent. Delays and hanging requests use tokio's clock, so they take no time if it is paused.
pub struct FakeTransport {
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Script>,
    base_url: Uri,
}

impl FakeTransport {
    /// Creates a script whose requests must come in order.
    pub fn new() -> Self {
        Self::with(Order::Strict)
    }

    /// Creates a script whose requests may come in any order. If two expectations match, the earlier one is used.
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

    /// Sets the base URL. Call it before the transport is cloned.
    ///
    /// # Panics
    ///
    /// Panics if the transport has been cloned, or if `base_url` is not a URL.
    #[track_caller]
    #[must_use]
    pub fn at(mut self, base_url: &str) -> Self {
        match (Arc::get_mut(&mut self.shared), base_url.parse()) {
            (Some(shared), Ok(uri)) => shared.base_url = uri,
            (None, _) => panic!("the fake was cloned before its base URL was set"),
            (_, Err(error)) => panic!("{base_url:?} is not a URL: {error}"),
        }
        self
    }

    /// Expects a request with this method and path. The path includes the query; a path that ends with `?` matches any query.
    ///
    /// The request is answered once, with an empty 200, unless the [`Expectation`] is modified.
    #[track_caller]
    pub fn expect(&self, method: Method, path: impl Into<String>) -> Expectation<'_> {
        Expectation::new(self, method, path.into())
    }

    /// Returns all requests so far, in order.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.script().requests.clone()
    }

    /// Fails the test if an expectation is left over. Dropping the last handle does the same.
    ///
    /// # Panics
    ///
    /// Panics if an expectation is left over.
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
        // The lock is released before the await and the panic.
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
        // Do not panic twice if the test has already failed.
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
                StreamedBody::new(ScriptedBody::new(body, stream))
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

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use stepwell_transport::{
    BodyLimit, Phase, StreamedBody, Timeout, Transport, TransportError, TransportErrorKind,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use crate::{
    body::{Frames, ReadError, read_whole, refuse_encoding},
    certificates::Connector,
    classify::classify,
    describe::ServerName,
    prepare::{Prepared, RequestTemplate},
    write_gate::RequestBody,
};

/// A transport on raw hyper: HTTP/1, a bounded pool of kept-alive connections, TLS with the feature `tls`.
///
/// ```
/// use stepwell_hyper::HyperTransport;
///
/// let transport = HyperTransport::builder("http://localhost:5115").build()?;
/// assert!(HyperTransport::builder("localhost:5115").build().is_err());
/// # Ok::<(), stepwell_hyper::HyperTransportError>(())
/// ```
///
/// A request without a [`Timeout`] may take 30 s, and the reply to one without a [`BodyLimit`] may have 64 MiB. Connecting may take 10 s.
///
/// Clones share the connections and the limit on [concurrent requests](crate::HyperTransportBuilder::requests_at_once). `Debug` shows
/// neither the token nor headers.
#[derive(Clone)]
pub struct HyperTransport {
    pub(crate) client: Client<Connector, RequestBody>,
    pub(crate) template: RequestTemplate,
    pub(crate) server: ServerName,
    /// One permit for each request in flight. hyper-util's pool opens a connection whenever none is idle.
    pub(crate) permits: Arc<Semaphore>,
}

impl Transport for HyperTransport {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let limits = Limits::of(&request);
        self.exchange(request, limits).await
    }

    async fn execute_within(
        &self,
        request: Request<Bytes>,
        Timeout(timeout): Timeout,
        BodyLimit(body_limit): BodyLimit,
    ) -> Result<Response<Bytes>, TransportError> {
        let limits = Limits::from_now(timeout, body_limit);
        self.exchange(request, limits).await
    }

    async fn execute_streamed(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<StreamedBody>, TransportError> {
        let limits = Limits::of(&request);
        let (reply, permit) = self.send(request, limits).await?;
        if !reply.status().is_success() {
            let reply = self.read(reply, limits).await?;
            return Ok(reply.map(StreamedBody::whole));
        }
        // Streams stay open for hours. If they held permits, enough of them would block all other requests.
        drop(permit);
        refuse_encoding(reply.headers(), &self.server)?;
        let (parts, body) = self.replace_extensions(reply).into_parts();
        let frames = Frames {
            body,
            server: self.server.clone(),
            started: limits.started,
        };
        Ok(Response::from_parts(parts, StreamedBody::new(frames)))
    }

    fn base_url(&self) -> Option<Uri> {
        Some(self.template.base.clone())
    }
}

/// The limits of one request.
#[derive(Clone, Copy)]
struct Limits {
    started: Instant,
    timeout: Duration,
    body_limit: usize,
}

impl Limits {
    /// The limits in the extensions of the request, or the defaults.
    fn of(request: &Request<Bytes>) -> Self {
        let extensions = request.extensions();
        let Timeout(timeout) = extensions.get().copied().unwrap_or(DEFAULT_TIMEOUT);
        let BodyLimit(body_limit) = extensions.get().copied().unwrap_or(DEFAULT_BODY_LIMIT);
        Self::from_now(timeout, body_limit)
    }

    fn from_now(timeout: Duration, body_limit: usize) -> Self {
        Self {
            started: Instant::now(),
            timeout,
            body_limit,
        }
    }

    fn deadline(&self) -> Instant {
        // A deadline that is not representable is as good as one in ten years.
        self.started
            .checked_add(self.timeout)
            .unwrap_or_else(|| self.started + TEN_YEARS)
    }
}

/// The timeout of a request without one.
const DEFAULT_TIMEOUT: Timeout = Timeout(Duration::from_secs(30));

/// The body limit of a request without one.
const DEFAULT_BODY_LIMIT: BodyLimit = BodyLimit(64 * 1024 * 1024);

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

impl HyperTransport {
    async fn exchange(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, TransportError> {
        // The permit is held until the reply has been read.
        let (reply, _permit) = self.send(request, limits).await?;
        self.read(reply, limits).await
    }

    /// Sends the request and waits for the head of the reply.
    ///
    /// The timeout is enforced for each phase, because one around all of them would lose how far the request had come.
    async fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<(Response<Incoming>, SemaphorePermit<'_>), TransportError> {
        let Limits {
            started, timeout, ..
        } = limits;
        let deadline = limits.deadline();
        let prepared = self.template.prepare(request)?;
        let gate = prepared.gate.clone();
        // The semaphore is never closed.
        let Ok(Ok(permit)) = timeout_at(deadline, self.permits.acquire()).await else {
            return Err(self.server.no_permit(timeout));
        };
        // Pinned in a block, so that the request is dropped before the gate is closed.
        let sent = {
            let attempt = pin!(self.attempt(prepared, started));
            timeout_at(deadline, attempt).await
        };
        match sent {
            Ok(reply) => Ok((reply?, permit)),
            Err(_elapsed) if gate.close() => Err(self.server.no_connection(timeout)),
            Err(_elapsed) => Err(self.server.no_answer(timeout)),
        }
    }

    /// Sends the request, and sends it a second time if its method is safe and the connection was closed without an answer.
    async fn attempt(
        &self,
        prepared: Prepared,
        started: Instant,
    ) -> Result<Response<Incoming>, TransportError> {
        let retry = prepared.retry();
        let error = match self.client.request(prepared.into_request()).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let (kind, phase) = classify(&error);
        let Some(retry) = retry.filter(|_| kind == TransportErrorKind::Closed) else {
            return Err(self.server.failed(kind, phase, error, started));
        };
        // The server may have closed a kept-alive connection just as it was used. If it has read the request, that does no harm.
        let error = match self.client.request(retry.into_request()).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let (kind, second_phase) = classify(&error);
        // If the second attempt was not sent, the first one may still have been.
        let phase = match second_phase {
            Phase::NotSent => phase,
            _ => second_phase,
        };
        Err(self.server.failed(kind, phase, error, started))
    }

    /// Reads the body of the reply.
    async fn read(
        &self,
        reply: Response<Incoming>,
        limits: Limits,
    ) -> Result<Response<Bytes>, TransportError> {
        let (parts, body) = self.replace_extensions(reply).into_parts();
        refuse_encoding(&parts.headers, &self.server)?;
        let read = pin!(read_whole(body, limits.body_limit));
        match timeout_at(limits.deadline(), read).await {
            Ok(Ok(bytes)) => Ok(Response::from_parts(parts, bytes)),
            Ok(Err(ReadError::TooLarge)) => Err(self.server.too_large(limits.body_limit)),
            Ok(Err(ReadError::BrokeOff(error))) => {
                Err(self.server.broke_off(error, limits.started))
            }
            Err(_elapsed) => Err(self.server.unfinished(limits.timeout)),
        }
    }

    /// Removes the extensions of hyper, one of which keeps the connection of a 101 open as long as the reply exists, and adds the token.
    fn replace_extensions(&self, mut reply: Response<Incoming>) -> Response<Incoming> {
        let extensions = reply.extensions_mut();
        extensions.clear();
        if let Some(token) = &self.template.token {
            extensions.insert(token.clone());
        }
        reply
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HyperTransport")
            .field("base", &self.template.base)
            .field("token", &self.template.token)
            .finish_non_exhaustive()
    }
}

use std::{error::Error, fmt, future::Future, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::capture_connection},
    rt::{TokioExecutor, TokioTimer},
};
use stepwell_transport::{
    BodyLimit, Deadline, Phase, Token, Transport, TransportError, TransportErrorKind,
};
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    builder::HyperTransportBuilder,
    classify::{Refused, classify, classify_body, refused_by_tls},
    connector::Connector,
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
/// Clones share the connections, and the bound on [requests at once](HyperTransportBuilder::requests_at_once). `Debug` shows neither token nor headers.
#[derive(Clone)]
pub struct HyperTransport {
    client: Client<Connector, Full<Bytes>>,
    base: Uri,
    token: Option<Token>,
    request_timeout: Duration,
    body_limit: usize,
    /// One place for each request that may be under way. The pool of hyper-util opens a connection whenever none is idle.
    places: Arc<Semaphore>,
    /// Whether there is a certificate of the client to show.
    client_certificate: bool,
}

impl HyperTransport {
    /// Starts a transport to this address: scheme, host, port, and a path prefix if the API is behind one.
    pub fn builder(base: impl Into<String>) -> HyperTransportBuilder {
        HyperTransportBuilder::new(base.into())
    }

    pub(crate) fn new(
        base: Uri,
        connector: Connector,
        token: Option<Token>,
        request_timeout: Duration,
        body_limit: usize,
        requests_at_once: usize,
        client_certificate: bool,
    ) -> Self {
        let requests_at_once = requests_at_once.clamp(1, Semaphore::MAX_PERMITS);
        let client = Client::builder(TokioExecutor::new())
            // Without it an idle connection is only thrown away when somebody asks for it.
            .pool_timer(TokioTimer::new())
            // Less than the minute after which servers and proxies usually close.
            .pool_idle_timeout(Duration::from_secs(20))
            // As many as can be under way: with fewer, many submissions at once would open a new one for nearly every other request.
            .pool_max_idle_per_host(requests_at_once)
            // What was never written may go on another connection; hyper-util knows, and nothing else is sent twice by it.
            .retry_canceled_requests(true)
            // `Host` is set once, from the address.
            .set_host(true)
            .build(connector);
        Self {
            client,
            base,
            token,
            request_timeout,
            body_limit,
            places: Arc::new(Semaphore::new(requests_at_once)),
            client_certificate,
        }
    }

    /// The request as it leaves: joined to the base, with the token.
    fn prepare(&self, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, TransportError> {
        let (mut parts, body) = request.into_parts();
        let path = parts
            .uri
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        let prefix = self.base.path().trim_end_matches('/');
        let mut uri = self.base.clone().into_parts();
        uri.path_and_query = Some(
            format!("{prefix}{path}")
                .parse()
                .map_err(|error| invalid(&error))?,
        );
        parts.uri = Uri::from_parts(uri).map_err(|error| invalid(&error))?;
        parts.headers.remove(header::HOST);
        // The body is here, so its length is known. hyper would believe another one, and cut the body to it.
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::TRANSFER_ENCODING);
        if let Some(token) = &self.token {
            parts
                .headers
                .insert(header::AUTHORIZATION, token.header_value());
        }
        parts
            .headers
            .entry(header::USER_AGENT)
            .or_insert(USER_AGENT);
        Ok(Request::from_parts(parts, Full::new(body)))
    }

    /// Sends once, or twice when the first connection was closed without an answer and the method asks for nothing to be done.
    async fn send(
        &self,
        request: Request<Full<Bytes>>,
        started: Instant,
    ) -> Result<Response<Incoming>, TransportError> {
        let repeatable = *request.method() == Method::GET || *request.method() == Method::HEAD;
        let again = repeatable.then(|| request.clone());
        let error = match self.client.request(request).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let (kind, phase) = classify(&error);
        match again {
            // As when the server closed a kept-alive connection as it was used. The request may have been read, but does nothing.
            Some(again) if kind == TransportErrorKind::Closed => {
                let error = match self.client.request(again).await {
                    Ok(reply) => return Ok(reply),
                    Err(error) => error,
                };
                let (kind, second) = classify(&error);
                // That the second was not sent does not make the first one so.
                let phase = if second == Phase::NotSent {
                    phase
                } else {
                    second
                };
                Err(self.describe(kind, phase, error, started))
            }
            _ => Err(self.describe(kind, phase, error, started)),
        }
    }

    async fn read(
        &self,
        reply: Response<Incoming>,
        limit: usize,
        started: Instant,
    ) -> Result<Response<Bytes>, TransportError> {
        let (mut parts, body) = reply.into_parts();
        // hyper's own things are in there. One of them holds the connection of a 101 open for as long as the reply is kept.
        parts.extensions.clear();
        refuse_encoding(&parts.headers, &self.place())?;
        // What it says of itself first: a body of 10^12 bytes is not even begun.
        if body.size_hint().lower() > limit as u64 {
            return Err(self.too_large(limit));
        }
        let mut body = Limited::new(body, limit);
        // Not collected frame by frame: a body in chunks of one byte would take forty times its size.
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    // The others are trailers, which say nothing that is needed.
                    if let Some(data) = frame.data_ref() {
                        bytes.extend_from_slice(data);
                    }
                }
                Err(error) if error.is::<LengthLimitError>() => return Err(self.too_large(limit)),
                Err(error) => return Err(self.broke_off(error, started)),
            }
        }
        Ok(Response::from_parts(parts, bytes.freeze()))
    }

    fn broke_off(&self, error: Box<dyn Error + Send + Sync>, started: Instant) -> TransportError {
        let place = self.place();
        let elapsed = started.elapsed();
        let kind = classify_body(&*error);
        let message = if kind == TransportErrorKind::Protocol {
            format!(
                "the body of the reply of {place} is not HTTP/1; is there a proxy in between that breaks it?"
            )
        } else {
            format!(
                "the reply of {place} broke off after {elapsed:.1?}; is there a proxy in between that gives up?"
            )
        };
        TransportError::new(kind, Phase::Responded, message).with_source(error)
    }

    fn too_large(&self, limit: usize) -> TransportError {
        let message = format!(
            "the reply of {} is larger than {limit} bytes; raise the limit if that is right",
            self.place()
        );
        TransportError::new(TransportErrorKind::BodyTooLarge, Phase::Responded, message)
    }

    fn describe(
        &self,
        kind: TransportErrorKind,
        phase: Phase,
        error: hyper_util::client::legacy::Error,
        started: Instant,
    ) -> TransportError {
        let place = self.place();
        let elapsed = started.elapsed();
        let message = match kind {
            TransportErrorKind::Refused => {
                format!("{place} refused the connection; is the server up, and is this its port?")
            }
            TransportErrorKind::UnknownHost => {
                format!("the host of {place} is not known; check its name")
            }
            TransportErrorKind::Unreachable => {
                format!("{place} cannot be reached; check the address and the network")
            }
            TransportErrorKind::Tls => self.describe_tls(refused_by_tls(&error)),
            TransportErrorKind::TimedOut => {
                format!("connecting to {place} took longer than {elapsed:.1?}")
            }
            TransportErrorKind::Closed => {
                format!("{place} closed the connection without answering, after {elapsed:.1?}")
            }
            TransportErrorKind::Protocol => {
                format!("what {place} answered is not HTTP/1; is this the right port?")
            }
            TransportErrorKind::Canceled => format!(
                "the connection to {place} was given up after {elapsed:.1?}; was the runtime that made it shut down?"
            ),
            _ => format!("the request to {place} failed after {elapsed:.1?}"),
        };
        TransportError::new(kind, phase, message).with_source(error)
    }

    fn describe_tls(&self, refused: Option<Refused>) -> String {
        let place = self.place();
        match (refused, self.client_certificate) {
            (None, _) => format!(
                "TLS with {place} failed; is its certificate trusted, or is a CA file needed?"
            ),
            (Some(_), true) => format!(
                "{place} does not take the client certificate; is it valid today, and of a CA that the server trusts?"
            ),
            (Some(Refused::Certificate), false) => {
                format!("{place} asks for a client certificate; give one with its key")
            }
            (Some(Refused::Handshake), false) => {
                format!("{place} refused the TLS handshake; does it ask for a client certificate?")
            }
        }
    }

    /// Host and port, as a person knows them.
    fn place(&self) -> String {
        let host = self.base.host().unwrap_or_default();
        let default = if self.base.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        format!("{host}:{}", self.base.port_u16().unwrap_or(default))
    }
}

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("stepwell/", env!("CARGO_PKG_VERSION")));

impl Transport for HyperTransport {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let started = Instant::now();
        let Deadline(timeout) = request
            .extensions()
            .get()
            .copied()
            .unwrap_or(Deadline(self.request_timeout));
        let BodyLimit(limit) = request
            .extensions()
            .get()
            .copied()
            .unwrap_or(BodyLimit(self.body_limit));
        let mut request = self.prepare(request)?;
        let connection = capture_connection(&mut request);

        // The deadline is kept here and not by a timeout around everything, which would lose how far the request had come.
        let deadline = started.checked_add(timeout);
        // Kept until the reply is read. The semaphore is never closed.
        let Some(_place) = until(deadline, self.places.acquire()).await else {
            let message = format!(
                "no place was free for a request to {} within {timeout:.1?}; send fewer at once, or allow for more",
                self.place()
            );
            return Err(TransportError::new(
                TransportErrorKind::TimedOut,
                Phase::NotSent,
                message,
            ));
        };
        let Some(reply) = until(deadline, self.send(request, started)).await else {
            // Nothing is written before there is a connection.
            let connected = connection.connection_metadata().is_some();
            return Err(if connected {
                self.timed_out("did not answer", Phase::MaybeSent, timeout)
            } else {
                self.timed_out("did not take a connection", Phase::NotSent, timeout)
            });
        };
        let reply = reply?;
        match until(deadline, self.read(reply, limit, started)).await {
            Some(reply) => reply.map(|mut reply| {
                if let Some(token) = &self.token {
                    reply.extensions_mut().insert(token.clone());
                }
                reply
            }),
            None => {
                Err(self.timed_out("began to answer and did not end", Phase::Responded, timeout))
            }
        }
    }

    fn base_url(&self) -> Option<Uri> {
        Some(self.base.clone())
    }
}

impl HyperTransport {
    fn timed_out(&self, what: &str, phase: Phase, timeout: Duration) -> TransportError {
        let message = format!("{} {what} within {timeout:.1?}", self.place());
        TransportError::new(TransportErrorKind::TimedOut, phase, message)
    }
}

/// `None` when the deadline comes first.
async fn until<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}

/// A compressed body was not asked for, and would reach a parser that cannot read it.
fn refuse_encoding(headers: &HeaderMap, place: &str) -> Result<(), TransportError> {
    // A connection can compress, too; of its encodings only chunks are undone.
    let table = [
        (header::CONTENT_ENCODING, "identity"),
        (header::TRANSFER_ENCODING, "chunked"),
    ];
    for (name, allowed) in table {
        // Either header may come more than once, and each may be a list.
        for value in headers.get_all(name) {
            let refused = value
                .as_bytes()
                .split(|&byte| byte == b',')
                .map(<[u8]>::trim_ascii)
                .any(|encoding| {
                    !encoding.is_empty() && !encoding.eq_ignore_ascii_case(allowed.as_bytes())
                });
            if refused {
                let message = format!(
                    "the reply of {place} is compressed ({}), which was not asked for; is there a proxy in between?",
                    String::from_utf8_lossy(value.as_bytes()).escape_debug()
                );
                return Err(TransportError::new(
                    TransportErrorKind::ContentEncoding,
                    Phase::Responded,
                    message,
                ));
            }
        }
    }
    Ok(())
}

fn invalid(error: &dyn fmt::Display) -> TransportError {
    let message = format!("the request's path cannot be sent: {error}");
    TransportError::new(TransportErrorKind::InvalidRequest, Phase::NotSent, message)
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HyperTransport")
            .field("base", &self.base)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

mod describe;

use std::{
    fmt,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header, uri::PathAndQuery};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use stepwell_transport::{
    BodyLimit, Phase, StreamedBody, Timeout, Token, Transport, TransportError, TransportErrorKind,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::{
    alarm::{Alarm, alarm_at, until},
    body::{Frames, ReadError, broke_off, read_whole, refuse_encoding},
    builder::HyperTransportBuilder,
    classify::classify,
    connector::Connector,
    outgoing::{Fate, Outgoing},
    prepared::Prepared,
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
    client: Client<Connector, Outgoing>,
    base: Uri,
    /// `Host`, from the address.
    host: HeaderValue,
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
            .http1_max_headers(MAX_HEADERS)
            .http1_max_buf_size(MAX_HEAD)
            // It is among the headers already.
            .set_host(false)
            .build(connector);
        Self {
            client,
            host: host(&base),
            base,
            token,
            request_timeout,
            body_limit,
            places: Arc::new(Semaphore::new(requests_at_once)),
            client_certificate,
        }
    }

    /// The request as it leaves: joined to the base, with the token.
    fn prepare(&self, request: Request<Bytes>) -> Result<Prepared, TransportError> {
        let (parts, body) = request.into_parts();
        let mut uri = self.base.clone().into_parts();
        let path = parts.uri.into_parts().path_and_query;
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let prefix = self.base.path().trim_end_matches('/');
        uri.path_and_query = Some(if prefix.is_empty() {
            path
        } else {
            let path = Bytes::from(format!("{prefix}{path}"));
            PathAndQuery::from_maybe_shared(path).map_err(|error| invalid(&error))?
        });
        let mut headers = parts.headers;
        // The body is here, so its length is known. hyper would believe another one, and cut the body to it.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::TRANSFER_ENCODING);
        headers.insert(header::HOST, self.host.clone());
        if let Some(token) = &self.token {
            headers.insert(header::AUTHORIZATION, token.header_value());
        }
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        Ok(Prepared {
            method: parts.method,
            uri: Uri::from_parts(uri).map_err(|error| invalid(&error))?,
            headers,
            body,
            fate: Fate::default(),
        })
    }

    /// Sends once, or twice when the first connection was closed without an answer and the method asks for nothing to be done.
    async fn send(
        &self,
        prepared: Prepared,
        started: Instant,
    ) -> Result<Response<Incoming>, TransportError> {
        let again = prepared.again();
        let error = match self.client.request(prepared.into_request()).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let (kind, phase) = classify(&error);
        match again {
            // As when the server closed a kept-alive connection as it was used. The request may have been read, but does nothing.
            Some(again) if kind == TransportErrorKind::Closed => {
                let error = match self.client.request(again.into_request()).await {
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
        let (parts, body) = reply.into_parts();
        refuse_encoding(&parts.headers, || self.place())?;
        let bytes = match read_whole(body, limit).await {
            Ok(bytes) => bytes,
            Err(ReadError::TooLarge) => return Err(self.too_large(limit)),
            Err(ReadError::BrokeOff(error)) => {
                return Err(broke_off(error, &self.place(), started));
            }
        };
        Ok(Response::from_parts(parts, bytes))
    }
}

/// How many header fields a reply may have. hyper takes 100, which a chain of proxies can exceed.
const MAX_HEADERS: usize = 256;

/// How many bytes the head of a reply may have: as many as hyper takes.
const MAX_HEAD: usize = 408 * 1024;

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("stepwell/", env!("CARGO_PKG_VERSION")));

impl Transport for HyperTransport {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let terms = self.terms(&request);
        self.execute_under(request, terms).await
    }

    async fn execute_within(
        &self,
        request: Request<Bytes>,
        Timeout(timeout): Timeout,
        BodyLimit(body_limit): BodyLimit,
    ) -> Result<Response<Bytes>, TransportError> {
        let terms = Terms {
            started: Instant::now(),
            timeout,
            body_limit,
        };
        self.execute_under(request, terms).await
    }

    async fn execute_streamed(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<StreamedBody>, TransportError> {
        let terms = self.terms(&request);
        let mut alarm = pin!(alarm_at(terms.deadline()));
        let (reply, place) = self.head(request, terms, alarm.as_mut()).await?;
        if !reply.status().is_success() {
            let whole = self.whole(reply, terms, alarm).await?;
            return Ok(whole.map(StreamedBody::whole));
        }
        // Streams have no place: as many as there are places, each open for hours, would leave none for any other request.
        drop(place);
        refuse_encoding(reply.headers(), || self.place())?;
        let (parts, body) = self.own(reply).into_parts();
        let frames = Frames {
            body,
            place: self.place(),
            started: terms.started,
        };
        Ok(Response::from_parts(parts, StreamedBody::new(frames)))
    }

    fn base_url(&self) -> Option<Uri> {
        Some(self.base.clone())
    }
}

/// What holds for one request.
#[derive(Clone, Copy)]
struct Terms {
    started: Instant,
    timeout: Duration,
    body_limit: usize,
}

impl Terms {
    fn deadline(&self) -> Option<Instant> {
        self.started.checked_add(self.timeout)
    }
}

impl HyperTransport {
    fn terms(&self, request: &Request<Bytes>) -> Terms {
        let extensions = request.extensions();
        let Timeout(timeout) = extensions
            .get()
            .copied()
            .unwrap_or(Timeout(self.request_timeout));
        let BodyLimit(body_limit) = extensions
            .get()
            .copied()
            .unwrap_or(BodyLimit(self.body_limit));
        Terms {
            started: Instant::now(),
            timeout,
            body_limit,
        }
    }

    async fn execute_under(
        &self,
        request: Request<Bytes>,
        terms: Terms,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut alarm = pin!(alarm_at(terms.deadline()));
        // The place is kept until the reply is read.
        let (reply, _place) = self.head(request, terms, alarm.as_mut()).await?;
        self.whole(reply, terms, alarm).await
    }

    /// The reply up to its body, and the place of the request.
    ///
    /// The deadline is kept here and not by a timeout around everything, which would lose how far the request had come.
    async fn head(
        &self,
        request: Request<Bytes>,
        terms: Terms,
        mut alarm: Pin<&mut Alarm>,
    ) -> Result<(Response<Incoming>, SemaphorePermit<'_>), TransportError> {
        let timeout = terms.timeout;
        let prepared = self.prepare(request)?;
        let fate = prepared.fate.clone();
        // The semaphore is never closed.
        let Some(Ok(place)) = until(alarm.as_mut(), pin!(self.places.acquire())).await else {
            let message = format!(
                "send fewer requests to {} at once, or allow for more: no place was free",
                self.place()
            );
            let error = TransportError::new(TransportErrorKind::TimedOut, Phase::NotSent, message);
            return Err(error.took(timeout));
        };
        // Dropped before its fate is looked at.
        let sent = {
            let sending = pin!(self.send(prepared, terms.started));
            until(alarm, sending).await
        };
        let Some(reply) = sent else {
            return Err(if fate.give_up() {
                self.timed_out("did not take a connection", Phase::NotSent, timeout)
            } else {
                self.timed_out("did not answer", Phase::MaybeSent, timeout)
            });
        };
        Ok((reply?, place))
    }

    /// The reply with its body read to the end.
    async fn whole(
        &self,
        reply: Response<Incoming>,
        terms: Terms,
        alarm: Pin<&mut Alarm>,
    ) -> Result<Response<Bytes>, TransportError> {
        let read = self.read(self.own(reply), terms.body_limit, terms.started);
        until(alarm, pin!(read)).await.unwrap_or_else(|| {
            let what = "began to answer and did not end";
            Err(self.timed_out(what, Phase::Responded, terms.timeout))
        })
    }

    /// The reply with the token among its extensions, and nothing of hyper's there, one of which holds the connection of a 101 open for
    /// as long as the reply is kept.
    fn own(&self, mut reply: Response<Incoming>) -> Response<Incoming> {
        reply.extensions_mut().clear();
        if let Some(token) = &self.token {
            reply.extensions_mut().insert(token.clone());
        }
        reply
    }
}

/// `Host`, as a server expects it: with the port unless it is the scheme's own.
fn host(base: &Uri) -> HeaderValue {
    let host = base.host().unwrap_or_default();
    let default = if is_https(base) { 443 } else { 80 };
    let host = match base.port_u16() {
        Some(port) if port != default => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    // What is a host in an address is text that a header can hold.
    HeaderValue::try_from(host).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn is_https(base: &Uri) -> bool {
    base.scheme_str() == Some("https")
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

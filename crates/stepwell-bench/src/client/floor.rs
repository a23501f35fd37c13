//! The floor: the same requests as stepwell's, over hyper-util's client and over a bare connection of hyper.

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Body as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde::de::IgnoredAny;
use stepwell::HyperTransport;
use stepwell_transport::{Transport, TransportError};
use tokio::net::TcpStream;

/// Any failure ends a measurement.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A transport that records its requests.
#[derive(Clone, Debug)]
pub struct Recorder {
    inner: HyperTransport,
    sent: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Recorder {
    /// Records the requests over `inner`.
    pub fn new(inner: HyperTransport) -> Self {
        Self {
            inner,
            sent: Arc::default(),
        }
    }

    /// Takes the requests since the last call.
    pub fn take(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut *self.sent())
    }

    fn sent(&self) -> MutexGuard<'_, Vec<Request<Bytes>>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Recorder {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut record = Request::new(request.body().clone());
        record.method_mut().clone_from(request.method());
        record.uri_mut().clone_from(request.uri());
        record.headers_mut().clone_from(request.headers());
        self.sent().push(record);
        self.inner.execute(request).await
    }

    fn base_url(&self) -> Option<Uri> {
        self.inner.base_url()
    }
}

/// Sends requests over hyper-util's client and skips the replies.
#[derive(Debug)]
pub struct Floor {
    client: Client<HttpConnector, Full<Bytes>>,
    requests: Vec<Request<Full<Bytes>>>,
}

impl Floor {
    /// The floor of these requests, sent to `url`.
    ///
    /// # Errors
    ///
    /// Fails if a path cannot be joined to the address.
    pub fn new(url: &str, requests: Vec<Request<Bytes>>) -> Result<Self, Failure> {
        let joined = requests.into_iter().map(|mut request| {
            *request.uri_mut() = format!("{url}{}", request.uri()).parse()?;
            Ok(request.map(Full::new))
        });
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            requests: joined.collect::<Result<_, Failure>>()?,
        })
    }

    /// Sends them all, one after the other.
    ///
    /// # Errors
    ///
    /// Fails if one is not answered with 200 and JSON.
    pub async fn run(&self) -> Result<(), Failure> {
        for request in &self.requests {
            let reply = self.client.request(request.clone()).await?;
            if !reply.status().is_success() {
                return Err(format!("{} {}", reply.status(), request.uri()).into());
            }
            // Copied frame by frame: collecting the frames first would hold a large page in memory twice.
            let mut frames = reply.into_body();
            let length = frames.size_hint().exact().unwrap_or_default();
            let mut body = Vec::with_capacity(usize::try_from(length)?);
            while let Some(frame) = frames.frame().await {
                if let Ok(data) = frame?.into_data() {
                    body.extend_from_slice(&data);
                }
            }
            serde_json::from_slice::<IgnoredAny>(&body)?;
        }
        Ok(())
    }
}

/// Sends requests over one connection and reads the replies without parsing them.
#[derive(Debug)]
pub struct Bare {
    sender: hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    requests: Vec<Request<Full<Bytes>>>,
}

impl Bare {
    /// Connects to `url` for these requests.
    ///
    /// # Errors
    ///
    /// Fails if the connection fails.
    pub async fn connect(url: &str, requests: Vec<Request<Bytes>>) -> Result<Self, Failure> {
        let authority = url.trim_start_matches("http://");
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let host = HeaderValue::from_str(authority)?;
        let requests = requests.into_iter().map(|mut request| {
            request.headers_mut().insert(header::HOST, host.clone());
            request.map(Full::new)
        });
        Ok(Self {
            sender,
            requests: requests.collect(),
        })
    }

    /// Sends them all, one after the other.
    ///
    /// # Errors
    ///
    /// Fails if one is not answered.
    pub async fn run(&mut self) -> Result<(), Failure> {
        for request in &self.requests {
            self.sender.ready().await?;
            let reply = self.sender.send_request(request.clone()).await?;
            let mut body = reply.into_body();
            while let Some(frame) = body.frame().await {
                frame?;
            }
        }
        Ok(())
    }
}

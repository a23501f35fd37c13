//! Servers that answer with given bytes.

#![allow(unreachable_pub, reason = "a test file is its own crate")]
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request};
use stepwell_hyper::HyperTransport;
use stepwell_transport::{Transport as _, TransportError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What is done with a request.
#[derive(Clone)]
pub enum Then {
    /// These bytes, and the connection stays open.
    Keep(Vec<u8>),
    /// These bytes, then the end of the connection.
    Close(Vec<u8>),
    /// These bytes, then nothing, ever.
    Hang(Vec<u8>),
    /// These bytes, then this again and again.
    Flood(Vec<u8>, Vec<u8>),
    /// A reset.
    Reset,
}

/// A server of raw TCP on a port that the system chose.
pub struct Raw {
    pub address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    pub async fn start(then: impl Fn(usize) -> Then + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", then).await
    }

    pub async fn on(address: &str, then: impl Fn(usize) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let then = Arc::new(then);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&then), Arc::clone(&seen)));
            }
        });
        Self { address, requests }
    }

    /// Every request as it came over the wire.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn transport(&self) -> HyperTransport {
        HyperTransport::builder(format!("http://{}", self.address))
            .build()
            .unwrap()
    }
}

async fn serve(
    mut connection: TcpStream,
    then: Arc<impl Fn(usize) -> Then + Send + Sync>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    while let Some(request) = read(&mut connection).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.len() - 1
        };
        match then(number) {
            Then::Keep(bytes) => {
                if connection.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Then::Close(bytes) => {
                let _ = connection.write_all(&bytes).await;
                return;
            }
            Then::Hang(bytes) => {
                let _ = connection.write_all(&bytes).await;
                std::future::pending::<()>().await;
            }
            Then::Flood(head, again) => {
                let _ = connection.write_all(&head).await;
                while connection.write_all(&again).await.is_ok() {}
                return;
            }
            Then::Reset => {
                let socket = socket_of(connection);
                socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
                return;
            }
        }
    }
}

/// Closing with a linger of zero resets the connection.
fn socket_of(connection: TcpStream) -> LingeringSocket {
    LingeringSocket(connection)
}

struct LingeringSocket(TcpStream);

impl LingeringSocket {
    fn set_linger(&self, linger: Option<std::time::Duration>) -> std::io::Result<()> {
        #[allow(deprecated, reason = "a linger of zero does not block")]
        self.0.set_linger(linger)
    }
}

/// Reads a request to its end.
pub async fn read(connection: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        connection.read_exact(&mut byte).await.ok()?;
        bytes.push(byte[0]);
        if bytes.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse::<usize>()
                .ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// A whole reply with this body.
pub fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub fn request(method: Method, path: &str, body: &'static str) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(path)
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

pub fn get(path: &str) -> Request<Bytes> {
    request(Method::GET, path, "")
}

/// The body of the reply to a plain GET.
pub async fn fetch(transport: &HyperTransport) -> Result<String, TransportError> {
    let reply = transport.execute(get("/api/v1/ping")).await?;
    Ok(String::from_utf8(reply.into_body().to_vec()).unwrap())
}

/// An error with its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// A TLS server that answers all requests with this; its address by the name `localhost`.
#[cfg(feature = "tls")]
pub async fn serve_tls(config: rustls::ServerConfig, answer: &'static str) -> String {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust it, or is not trusted, breaks off here.
                let Ok(mut connection) = acceptor.accept(connection).await else {
                    return;
                };
                while read(&mut connection).await.is_some() {
                    connection.write_all(&ok(answer)).await.unwrap();
                }
            });
        }
    });
    format!("https://localhost:{port}")
}

//! Servers that answer with the given bytes.

#![allow(unreachable_pub, reason = "a test file is its own crate")]
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::expect_used, reason = "a test may fail where it stands")]

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request};
use stepwell_hyper::HyperTransport;
use stepwell_transport::{Transport as _, TransportError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time,
};

/// Longer than anything takes that does not hang. A timeout of this length only ends where a test lets it.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Lets the timeout of a call ([`PATIENCE`]) end once `server` has resolved.
pub async fn let_the_deadline_pass<T: Send + 'static>(
    call: impl Future<Output = T> + Send + 'static,
    server: impl Future<Output = ()>,
) -> T {
    let call = tokio::spawn(call);
    let there = time::timeout(PATIENCE, server);
    there.await.expect("the server does not get that far");
    // The client reads what was sent before the clock is moved.
    time::sleep(Duration::from_millis(20)).await;
    time::pause();
    time::advance(PATIENCE).await;
    time::resume();
    let ended = time::timeout(PATIENCE, call).await;
    ended
        .expect("the call does not end with its timeout")
        .unwrap()
}

/// Runs one test at a time, each on its own runtime, which is shut down before the next test begins. For tests that measure the memory of
/// the process.
pub fn alone(test: impl Future<Output = ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test);
}

/// What the server does after it has read a request.
#[derive(Clone)]
pub enum Then {
    /// Sends these bytes and keeps the connection open.
    Keep(Vec<u8>),
    /// Sends these bytes and closes the connection.
    Close(Vec<u8>),
    /// Sends these bytes and then nothing.
    Hang(Vec<u8>),
    /// Sends the first bytes once and the second ones again and again.
    Flood(Vec<u8>, Vec<u8>),
    /// Resets the connection.
    Reset,
}

/// A raw TCP server on a port that the system has chosen.
pub struct Raw {
    pub address: String,
    requests: Arc<Mutex<Vec<String>>>,
    quiet: Arc<Notify>,
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
        let quiet = Arc::new(Notify::new());
        let has_sent = Arc::clone(&quiet);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (then, seen, has_sent) =
                    (Arc::clone(&then), Arc::clone(&seen), Arc::clone(&has_sent));
                tokio::spawn(serve(connection, then, seen, has_sent));
            }
        });
        Self {
            address,
            requests,
            quiet,
        }
    }

    /// All requests as they were on the wire.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until the bytes of a [`Then::Hang`], or the first ones of a [`Then::Flood`], have been sent.
    pub fn has_sent(&self) -> impl Future<Output = ()> + use<> {
        let quiet = Arc::clone(&self.quiet);
        async move { quiet.notified().await }
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
    has_sent: Arc<Notify>,
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
                has_sent.notify_one();
                std::future::pending::<()>().await;
            }
            Then::Flood(head, again) => {
                let _ = connection.write_all(&head).await;
                while connection.write_all(&again).await.is_ok() {
                    has_sent.notify_one();
                }
                return;
            }
            Then::Reset => {
                let socket = socket_of(connection);
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
        }
    }
}

/// Closing a socket with a linger of zero resets the connection.
fn socket_of(connection: TcpStream) -> LingeringSocket {
    LingeringSocket(connection)
}

struct LingeringSocket(TcpStream);

impl LingeringSocket {
    fn set_linger(&self, linger: Option<Duration>) -> std::io::Result<()> {
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

/// A complete reply with this body.
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

/// Starts a TLS server that answers every request with `answer`, and returns its URL on `localhost`.
#[cfg(feature = "tls")]
pub async fn serve_tls(config: rustls::ServerConfig, answer: &'static str) -> String {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // This fails if either side does not trust the other.
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

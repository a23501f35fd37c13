//! A server that follows a script on a connection and behaves well afterwards.

use std::{
    io::{Error, ErrorKind},
    sync::{Arc, Mutex},
    time::Duration,
};

use stepwell_hyper::HyperTransport;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
};

use crate::support::{PATIENCE, ok, read};

/// One step of a script. After the last one the connection is closed.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Reads a whole request.
    Read,
    /// Reads only this many bytes of a request.
    Take(usize),
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one by one, with a pause before each.
    Trickle(Vec<u8>, Duration),
    /// Sends these bytes again and again, up to this many times.
    Flood(Vec<u8>, usize),
    /// Closes the sending side; the server can still read.
    HalfClose,
    /// Reads until the client has closed the connection. The script hangs here if the client reuses it instead.
    Gone,
    /// Does nothing forever, and reads nothing.
    Hold,
    /// Signals that the script has got this far.
    Tell(Arc<Notify>),
    /// Answers every further request well.
    Serve,
    /// Resets the connection.
    Reset,
}

/// What the server saw on a connection with a script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// All bytes that the server has read.
    pub(crate) received: Vec<u8>,
    /// How many bytes the client or the kernel has taken.
    pub(crate) sent: usize,
}

/// The server. Each connection follows the next script; after the last script connections are served well.
pub(crate) struct Hostile {
    pub(crate) address: String,
    reports: Vec<oneshot::Receiver<Report>>,
    waits: Arc<Notify>,
    well: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    pub(crate) async fn start(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let well = Arc::new(Mutex::new(Vec::new()));
        let (mut scripts, reports): (Vec<_>, Vec<_>) = scripts
            .into_iter()
            .map(|script| {
                let (done, report) = oneshot::channel();
                ((script, done), report)
            })
            .unzip();
        scripts.reverse();
        let seen = Arc::clone(&well);
        let waits = Arc::new(Notify::new());
        let waiting = Arc::clone(&waits);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let script = scripts.pop();
                let (seen, waiting) = (Arc::clone(&seen), Arc::clone(&waiting));
                tokio::spawn(async move {
                    match script {
                        Some((script, done)) => {
                            let _ = done.send(play(connection, script, &waiting).await);
                        }
                        None => {
                            while let Some(request) = read(&mut connection).await {
                                seen.lock().unwrap().push(request);
                                if connection.write_all(&ok("well")).await.is_err() {
                                    return;
                                }
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            reports,
            waits,
            well,
        }
    }

    pub(crate) fn transport(&self) -> HyperTransport {
        HyperTransport::builder(format!("http://{}", self.address))
            .build()
            .unwrap()
    }

    /// Waits until a script has reached an act that only the client can end, or has sent the first bytes of a trickle or a flood.
    pub(crate) fn waits(&self) -> impl Future<Output = ()> + use<> {
        let waits = Arc::clone(&self.waits);
        async move { waits.notified().await }
    }

    /// Waits for the end of the next script, and returns what was seen on its connection.
    pub(crate) async fn report(&mut self) -> Report {
        let report = self.reports.remove(0);
        let report = tokio::time::timeout(PATIENCE, report).await;
        report
            .expect("the script does not end: the client neither closes the connection nor reads")
            .unwrap()
    }

    /// The requests on the connections without a script.
    pub(crate) fn well(&self) -> Vec<String> {
        self.well.lock().unwrap().clone()
    }
}

async fn play(mut connection: TcpStream, script: Vec<Act>, waits: &Notify) -> Report {
    let mut report = Report::default();
    for act in script {
        // The script ends when the client closes the connection, which some scripts wait for.
        let done = act.perform(&mut connection, &mut report, waits).await;
        if done.is_err() {
            break;
        }
    }
    report
}

impl Act {
    async fn perform(
        self,
        connection: &mut TcpStream,
        report: &mut Report,
        waits: &Notify,
    ) -> Result<(), Error> {
        if matches!(self, Self::Gone | Self::Hold) {
            waits.notify_one();
        }
        match self {
            Self::Read => {
                let request = read(connection).await.ok_or(ErrorKind::UnexpectedEof)?;
                report.received.extend(request.into_bytes());
            }
            Self::Take(count) => {
                let mut bytes = vec![0; count];
                connection.read_exact(&mut bytes).await?;
                report.received.extend(bytes);
            }
            Self::Send(bytes) => {
                connection.write_all(&bytes).await?;
                report.sent += bytes.len();
            }
            Self::Trickle(bytes, pause) => {
                for byte in bytes {
                    tokio::time::sleep(pause).await;
                    connection.write_all(&[byte]).await?;
                    report.sent += 1;
                    waits.notify_one();
                }
            }
            Self::Flood(bytes, times) => {
                for _ in 0..times {
                    connection.write_all(&bytes).await?;
                    report.sent += bytes.len();
                    waits.notify_one();
                }
            }
            Self::HalfClose => connection.shutdown().await?,
            Self::Gone => while connection.read_buf(&mut report.received).await? > 0 {},
            Self::Hold => std::future::pending().await,
            Self::Tell(listener) => listener.notify_one(),
            Self::Serve => loop {
                Box::pin(Self::Read.perform(connection, report, waits)).await?;
                connection.write_all(&ok("well")).await?;
            },
            Self::Reset => {
                #[allow(deprecated, reason = "a linger of zero does not block")]
                connection.set_linger(Some(Duration::ZERO))?;
                return Err(ErrorKind::ConnectionReset.into());
            }
        }
        Ok(())
    }
}

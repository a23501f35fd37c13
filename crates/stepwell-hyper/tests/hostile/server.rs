//! A server that does to a connection what a script says, and serves well afterwards.

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

/// One thing that is done to a connection. After the last one it is closed.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Reads a whole request.
    Read,
    /// Reads this many bytes of a request and leaves the rest.
    Take(usize),
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one by one, with a pause before each.
    Trickle(Vec<u8>, Duration),
    /// Sends these bytes again and again, this often at most.
    Flood(Vec<u8>, usize),
    /// Says that no more will be sent, and can still read.
    HalfClose,
    /// Reads until the client has closed. A connection that the client uses again instead is stuck here.
    Gone,
    /// Does nothing for ever, and reads nothing.
    Hold,
    /// Says that the script has come so far.
    Tell(Arc<Notify>),
    /// Answers well from now on.
    Serve,
    /// Resets the connection.
    Reset,
}

/// What the server saw of a connection that had a script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Every byte that the client sent, as far as it was read.
    pub(crate) received: Vec<u8>,
    /// How many bytes the client or the kernel took.
    pub(crate) sent: usize,
}

/// The server. Each connection takes the next script; those after the last script are served well.
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

    /// Waits until a script has come to an act that ends with the client, or has sent the first of a trickle or a flood.
    pub(crate) fn waits(&self) -> impl Future<Output = ()> + use<> {
        let waits = Arc::clone(&self.waits);
        async move { waits.notified().await }
    }

    /// What was seen of the next scripted connection, once its script has come to its end.
    pub(crate) async fn report(&mut self) -> Report {
        let report = self.reports.remove(0);
        let report = tokio::time::timeout(PATIENCE, report).await;
        report
            .expect("the script does not end: the client neither closes the connection nor reads")
            .unwrap()
    }

    /// The requests on the connections that are served well.
    pub(crate) fn well(&self) -> Vec<String> {
        self.well.lock().unwrap().clone()
    }
}

async fn play(mut connection: TcpStream, script: Vec<Act>, waits: &Notify) -> Report {
    let mut report = Report::default();
    for act in script {
        // A client that is gone ends the script, and is what some wait for.
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

//! The HTTP server: accepts connections on a loopback port and serves each in a task.
//!
//! hyper-util has no accept loop of its own; it has [`GracefulShutdown`], which tells connections to finish. The limit on connections and
//! the task that owns them are here.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use snafu::ResultExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;

use crate::controller::Controller;
use crate::error::{EngineError, ListenSnafu};
use crate::page::Pages;
use crate::plan::Planner;
use crate::worker::{JobCounters, JobOutputs};

mod body;
mod error_reply;
mod guard;
mod output;
mod service;

pub(crate) use self::error_reply::ErrorReply;
use self::guard::Guard;
use self::output::JobOutput;
use self::service::Service;

/// How long a client may take to send a request's head, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How many connections are served at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 512;
/// How long requests in progress may take once the server closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause after a failed accept, which usually means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound port that is not served yet.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `port` on loopback; with 0 the system chooses one.
    pub(crate) async fn bind(port: u16) -> Result<Self, EngineError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .context(ListenSnafu { port })?;
        let address = listener.local_addr().context(ListenSnafu { port })?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn serve(
        self,
        controller: Controller,
        planner: Planner,
        outputs: JobOutputs,
        counters: JobCounters,
    ) -> Server {
        let service = Service {
            guard: Guard::new(self.address.port()),
            pages: Pages {
                controller: controller.clone(),
                counters,
            },
            output: JobOutput {
                controller: controller.clone(),
                outputs,
            },
            controller,
            planner,
        };
        let (stop, stopped) = oneshot::channel();
        Server {
            stop: Some(stop),
            accepting: tokio::spawn(accept(self.listener, Arc::new(service), stopped)),
        }
    }
}

/// The task that accepts connections and owns those that are open.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Stops accepting, lets requests in progress finish, and closes idle connections.
    pub(crate) async fn close(mut self) {
        drop(self.stop.take());
        // The task ends within `CLOSE_TIMEOUT`. If the runtime has aborted it, there is nothing to wait for.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Aborting the task drops its set of connections, which aborts those.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>, mut stopped: oneshot::Receiver<()>) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept_one(&listener, &permits) => accepted,
        };
        if let Some((stream, permit)) = accepted {
            let connection = serve(stream, Arc::clone(&service), graceful.watcher());
            connections.spawn(async move {
                connection.await;
                drop(permit);
            });
        }
    }
    drop(listener);
    // Connections that are still open after that are aborted when the set is dropped.
    let _ = time::timeout(CLOSE_TIMEOUT, graceful.shutdown()).await;
}

async fn accept_one(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Replies are small and written at once; Nagle's algorithm would only delay them.
            let _ = stream.set_nodelay(true);
            Some((stream, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "accepting a connection failed");
            time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>, watcher: Watcher) {
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
    }
}

//! A server for many concurrent submissions: a control plane behind real sockets, which counts requests and connections.
//!
//! It is only the control plane, with workers that carry out commands at once, so that the load is on the library and its transport.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use stepwell::Transport as _;
use stepwell_control_plane::{
    Generation,
    testing::{Server as ControlPlane, Workers},
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

/// The controller's tick, faster than a real one, so that waiting measures the library.
const TICK: Duration = Duration::from_millis(50);

/// More connections than are ever opened at once. The kernel would retry a rejected one a second later, which would hide the true peak.
const BACKLOG: u32 = 4096;

/// Runs whose query contains this text stay in Scheduling, so that a shutdown always finds some that are still starting. The number in the
/// query selects one in ten.
const SLOW: &str = "0 FROM";

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    plane: ControlPlane,
    connections: Arc<Mutex<Connections>>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// The number of connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connections {
    open: usize,
    /// The peak of concurrently open connections.
    pub peak: usize,
    /// All connections that were ever opened.
    pub accepted: usize,
}

impl Server {
    pub fn start(generation: Generation) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(BACKLOG).unwrap();
        let address = listener.local_addr().unwrap();
        let plane = ControlPlane::builder()
            .generation(generation)
            .tick(TICK)
            .latency(Duration::ZERO)
            .workers(Workers::new())
            .build();
        plane.set_workers(SLOW, Workers::new().never_start());
        let connections = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, plane.clone(), Arc::clone(&connections)));
        Self {
            plane,
            connections,
            address,
            _tasks: tasks,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    pub fn connections(&self) -> Connections {
        *self.connections.lock().unwrap()
    }
}

impl Connections {
    fn opened(&mut self) {
        self.accepted += 1;
        self.open += 1;
        self.peak = self.peak.max(self.open);
    }

    fn closed(&mut self) {
        self.open -= 1;
    }
}

async fn accept(listener: TcpListener, plane: ControlPlane, counts: Arc<Mutex<Connections>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        counts.lock().unwrap().opened();
        connections.spawn(serve(stream, plane.clone(), Arc::clone(&counts)));
        // Otherwise every task would be kept until the end, and count as memory of the library.
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, plane: ControlPlane, counts: Arc<Mutex<Connections>>) {
    let answer = service_fn(|request| answer(request, &plane));
    // A client may close a connection in the middle, as a shutdown does to a poll.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    counts.lock().unwrap().closed();
}

async fn answer(
    request: Request<Incoming>,
    plane: &ControlPlane,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // The request was cut off: nothing awaits the answer, and half a request has no effect.
    let Ok(body) = body.collect().await else {
        return Ok(Response::default());
    };
    let request = Request::from_parts(head, body.to_bytes());
    let reply = plane.execute(request).await.unwrap();
    Ok(reply.map(Full::new))
}

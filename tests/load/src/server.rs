//! The world behind a socket.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use stepwell_control_plane::Options;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::World;

/// The pace of the controller: faster than a real one, so that what is waited for is the library.
const TICK: Duration = Duration::from_millis(50);

/// More than ever connect at once: a connection that the kernel turns away comes again a second later, which would hide how many there are.
const BACKLOG: u32 = 4096;

/// A server, for as long as it is kept.
#[derive(Debug)]
pub struct Server {
    world: Arc<Mutex<World>>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Server {
    pub fn start(options: Options) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(BACKLOG).unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(Mutex::new(World::new(options)));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&world)));
        tasks.spawn(control(Arc::clone(&world)));
        Self {
            world,
            address,
            _tasks: tasks,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

async fn control(world: Arc<Mutex<World>>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        world.lock().unwrap().tick();
    }
}

async fn accept(listener: TcpListener, world: Arc<Mutex<World>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        world.lock().unwrap().opened();
        connections.spawn(serve(stream, Arc::clone(&world)));
        // Else each would be kept until the end, and count as memory of the library.
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, world: Arc<Mutex<World>>) {
    let answer = service_fn(|request| answer(request, &world));
    // A client may close in the middle: it is what a shutdown does to a poll.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    world.lock().unwrap().closed();
}

async fn answer(
    request: Request<Incoming>,
    world: &Mutex<World>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // Cut within the request: nobody awaits the answer, and a half is not acted on.
    let Ok(body) = body.collect().await else {
        return Ok(Response::default());
    };
    let request = Request::from_parts(head, body.to_bytes());
    let reply = world.lock().unwrap().answer(&request);
    Ok(reply.map(Full::new))
}

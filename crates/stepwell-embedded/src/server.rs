//! The HTTP side: a loopback listener that hands each request of the API, whole, to the controller, and answers others with
//! pages.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use snafu::ResultExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;

use crate::controller::Controller;
use crate::counters::JobCounters;
use crate::error::{EngineError, ListenSnafu};
use crate::outputs::Outputs;
use crate::planner::Planner;

mod body;
mod guard;
mod output;
mod page;

use self::body::{BodyError, read_body};
use self::guard::Guard;
use self::output::OutputBody;
use self::page::Pages;

/// How long a connection may take to send a request's head. Also how long it may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How many connections are served at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 512;
/// How long requests that are being answered may go on after the server was told to stop.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause after a failed accept, which is most often a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound port that nobody is answered on yet.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes `port` on loopback or, if that is 0, one that the system chooses.
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
        outputs: Outputs,
        counters: JobCounters,
    ) -> Server {
        let (stopping, told) = watch::channel(false);
        let service = Arc::new(Service {
            guard: Guard::new(self.address.port()),
            pages: Pages {
                controller: controller.clone(),
                counters,
            },
            controller,
            planner,
            outputs,
        });
        Server {
            stopping,
            accepting: tokio::spawn(accept(self.listener, service, told)),
        }
    }
}

/// The task that accepts connections and owns those that there are.
#[derive(Debug)]
pub(crate) struct Server {
    stopping: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Accepts no more, lets requests that are being answered finish, and closes idle connections.
    pub(crate) async fn close(mut self) {
        self.stopping.send_replace(true);
        // It ends by itself, in bounded time; if it was cut by the runtime's end, there is nothing left to wait for.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // With it go the connections, which are in a set that the task owns.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>, mut told: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let stopped = told.clone();
    let mut stop = pin!(told_to_stop(&mut told));
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept_one(&listener, &places) => accepted,
        };
        if let Some((stream, place)) = accepted {
            let (service, stopped) = (Arc::clone(&service), stopped.clone());
            connections.spawn(async move {
                serve(stream, service, stopped).await;
                drop(place);
            });
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    // What is still there after that is cut when the set is dropped.
    let _ = time::timeout(CLOSE_TIMEOUT, all_ended).await;
}

async fn told_to_stop(told: &mut watch::Receiver<bool>) {
    // Without anybody left to tell, it is the end as well.
    let _ = told.wait_for(|stopping| *stopping).await;
}

async fn accept_one(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Replies are small and written at once: waiting for more to send would only delay them.
            let _ = stream.set_nodelay(true);
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!(%error, "accepting a connection failed");
            time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), answer)
    );
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = told_to_stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
    }
}

/// A whole reply, or the rows of a job as they come.
type Body = Either<Full<Bytes>, OutputBody>;

fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(|body| Either::Left(Full::new(body)))
}

#[derive(Debug)]
struct Service {
    guard: Guard,
    pages: Pages,
    controller: Controller,
    planner: Planner,
    outputs: Outputs,
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match self.answer_or_refuse(request).await {
            Ok(response) => response,
            Err(refusal) => whole(refusal.into_response()),
        }
    }

    async fn answer_or_refuse(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Refusal> {
        self.guard.check(&request)?;
        match output::followed(request.method(), request.uri().path()) {
            Some((pipeline, job)) => self.follow(pipeline, job, request.method()).await,
            None => self.answer_whole(request).await.map(whole),
        }
    }

    async fn answer_whole(&self, request: Request<Incoming>) -> Result<Response<Bytes>, Refusal> {
        let (mut head, body) = request.into_parts();
        if head.uri.authority().is_some() {
            head.uri = origin_form(&head.uri);
        }
        let body = read_body(body).await.map_err(|error| match error {
            // The words of the framework that a real Arroyo is built on.
            BodyError::TooLarge => Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Failed to buffer the request body: length limit exceeded",
            ),
            BodyError::TimedOut => Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                "the request body did not arrive in time",
            ),
            BodyError::Broken => Refusal::new(
                StatusCode::BAD_REQUEST,
                "the request body could not be read",
            ),
        })?;
        if page::is_page(head.uri.path()) {
            return Ok(self.pages.answer(&head).await);
        }
        if matches!(head.method, Method::POST | Method::PUT) {
            self.planner.plan_ahead(&body).await;
        }
        let request = Request::from_parts(head, body);
        self.ask(request).await
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        self.controller
            .answer(request)
            .await
            .ok_or_else(|| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the engine is closing"))
    }
}

fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query()
        .cloned()
        .map_or_else(Uri::default, Uri::from)
}

/// A request that is answered without the control plane, with an error body as that would have.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn into_response(self) -> Response<Bytes> {
        let body = serde_json::json!({ "error": self.message }).to_string();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        );
        response
    }
}

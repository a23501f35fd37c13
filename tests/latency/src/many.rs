//! Many pipelines that are watched at the same time.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};
use stepwell::{
    Error, JobState, Options, PipelineId, Shutdown, Submission,
    arroyo::{Client, CreatePipeline},
    state::{Ended, Registered, Running},
    transport::{Phase, SharedTransport, Timeout, Transport, TransportError, TransportErrorKind},
};
use stepwell_control_plane::{
    Generation,
    testing::{Failure, Server},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

/// What a listed row costs an Arroyo: see `docs/scale.md`.
const ROW: Duration = Duration::from_micros(140);

/// About how many bytes it has.
const ROW_LENGTH: usize = 265;

/// What the server answers to `GET /api/v1/jobs`.
#[derive(Clone, Debug, Default)]
pub enum AllJobs {
    #[default]
    Whole,
    /// An error with this status, and with this `Retry-After` in seconds.
    Refused(StatusCode, Option<u64>),
    /// Only the first rows.
    First(usize),
    /// Never.
    Hung,
}

/// A control plane behind a network that counts what is sent.
#[derive(Clone, Debug)]
pub struct Counted {
    pub server: Server,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    began: Option<Instant>,
    /// When the list of all jobs was requested, and what was asked otherwise.
    lists: Vec<Duration>,
    others: Vec<(Duration, String)>,
    answer: AllJobs,
    /// How often the next lists are answered so; then they are whole.
    times: usize,
    takes: Duration,
}

impl Counted {
    pub fn new(generation: Generation) -> Self {
        Self::of(Server::builder().generation(generation).build())
    }

    pub fn of(server: Server) -> Self {
        Self {
            server,
            counts: Arc::default(),
        }
    }

    /// Counts from now on.
    pub fn begin(&self) {
        let mut counts = self.counts.lock().unwrap();
        counts.began = Some(Instant::now());
        counts.lists.clear();
        counts.others.clear();
    }

    /// When the list of all jobs was requested.
    pub fn lists(&self) -> Vec<Duration> {
        self.counts.lock().unwrap().lists.clone()
    }

    /// When everything else was requested, and its path.
    pub fn others(&self) -> Vec<(Duration, String)> {
        self.counts.lock().unwrap().others.clone()
    }

    pub fn requests(&self) -> usize {
        self.lists().len() + self.others().len()
    }

    /// Answers the next lists so, and later ones whole.
    pub fn answer(&self, times: usize, answer: AllJobs) {
        let mut counts = self.counts.lock().unwrap();
        counts.answer = answer;
        counts.times = times;
    }

    /// Makes lists take this much longer.
    pub fn takes(&self, takes: Duration) {
        self.counts.lock().unwrap().takes = takes;
    }

    fn count(&self, is_list: bool, path: &str) -> (AllJobs, Duration) {
        let mut counts = self.counts.lock().unwrap();
        let at = counts.began.map(|began| began.elapsed());
        let at = at.unwrap_or_default();
        if !is_list {
            counts.others.push((at, path.to_owned()));
            return (AllJobs::Whole, Duration::ZERO);
        }
        counts.lists.push(at);
        if counts.times == 0 {
            return (AllJobs::Whole, counts.takes);
        }
        counts.times -= 1;
        (counts.answer.clone(), counts.takes)
    }
}

impl Transport for Counted {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        let is_list = path == "/api/v1/jobs" && request.method() == Method::GET;
        let (answer, takes) = self.count(is_list, &path);
        let timeout = request.extensions().get::<Timeout>().unwrap().0;
        let reply = self.server.execute(request).await?;
        if !is_list {
            return Ok(reply);
        }
        sleep(takes).await;
        if let AllJobs::Whole = answer {
            let rows = reply.body().len() / ROW_LENGTH;
            sleep(ROW * u32::try_from(rows).unwrap()).await;
            return Ok(reply);
        }
        let mut body: Value = serde_json::from_slice(reply.body()).unwrap();
        let rows = body["data"].as_array_mut().unwrap();
        match answer {
            AllJobs::Whole => {}
            AllJobs::First(first) => {
                rows.truncate(first);
                return Ok(reply.map(|_| Bytes::from(body.to_string())));
            }
            AllJobs::Refused(status, after) => {
                let words = json!({"error": "not now"}).to_string();
                let mut reply = Response::new(Bytes::from(words));
                *reply.status_mut() = status;
                if let Some(after) = after {
                    reply
                        .headers_mut()
                        .insert(RETRY_AFTER, HeaderValue::from(after));
                }
                return Ok(reply);
            }
            AllJobs::Hung => {
                sleep(timeout).await;
                let (kind, phase) = (TransportErrorKind::TimedOut, Phase::MaybeSent);
                return Err(TransportError::new(kind, phase, "hung"));
            }
        }
        Ok(reply)
    }
}

/// Creates pipelines and attaches to each over one of these transports.
pub async fn running(
    server: &Server,
    transports: impl IntoIterator<Item = SharedTransport>,
    options: &Options,
) -> Vec<Submission<Running>> {
    let client = Client::new(server.clone().into_shared());
    let shutdown = Shutdown::new();
    let mut attached = Vec::new();
    for (number, transport) in (0..).zip(transports) {
        let query = format!("INSERT INTO archive SELECT {number} FROM orders");
        let create = CreatePipeline::new("orders", query, NonZeroU32::MIN);
        let id = client.create(&create).await.unwrap().id;
        let options = options.clone().with_jitter_seed(number);
        let registered = Submission::attach(transport, id, &shutdown, options).await;
        attached.push(registered.unwrap());
    }
    let mut running = Vec::new();
    for registered in attached {
        running.push(registered.wait_until_running().await.unwrap());
    }
    running
}

/// A wait for the end of a pipeline, in a task of its own.
#[derive(Debug)]
pub struct Wait {
    pub id: PipelineId,
    pub end: JoinHandle<(Result<Ended, Error>, Instant)>,
}

impl Wait {
    pub fn begin(pipeline: impl Into<Submission<Registered>>) -> Self {
        let pipeline = pipeline.into();
        Self {
            id: pipeline.id().clone(),
            end: tokio::spawn(async move { (pipeline.ended().await, Instant::now()) }),
        }
    }

    /// Makes the pipeline fail, and returns how long after the server shows it the wait ends.
    pub async fn fail(self, server: &Server) -> Duration {
        server.fail(&self.id, Failure::new("no such topic"));
        while server.pipeline(&self.id).unwrap().state != JobState::Failed {
            sleep(Duration::from_millis(5)).await;
        }
        let failed = Instant::now();
        let (ended, at) = self.end.await.unwrap();
        assert_eq!(ended.unwrap().job.state, JobState::Failed);
        at.saturating_duration_since(failed)
    }
}

/// What it costs to watch many pipelines, and how soon an end is seen.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Requests a second while all run.
    pub per_second: f64,
    /// How soon the failure of one is seen, the shortest time first.
    pub seen: Vec<Duration>,
}

/// Watches so many pipelines, over one transport or over one each.
pub async fn watch(count: usize, over_one: bool) -> Cost {
    let counted = Counted::new(Generation::V0_16);
    let one = counted.clone().into_shared();
    let transports = (0..count).map(|_| {
        if over_one {
            one.clone()
        } else {
            counted.clone().into_shared()
        }
    });
    let submissions = running(&counted.server, transports, &Options::default()).await;
    let mut waits: Vec<_> = submissions.into_iter().map(Wait::begin).collect();
    sleep(Duration::from_secs(10)).await;
    counted.begin();
    let minute = Duration::from_secs(60);
    sleep(minute).await;
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let per_second = counted.requests() as f64 / minute.as_secs_f64();
    let mut seen = Vec::new();
    for number in 0..count.min(20) {
        // At any phase of the polls.
        sleep(Duration::from_millis(
            1_000 + 37 * u64::try_from(number).unwrap(),
        ))
        .await;
        let wait = waits.swap_remove(number * 7 % waits.len());
        seen.push(wait.fail(&counted.server).await);
    }
    seen.sort();
    Cost { per_second, seen }
}

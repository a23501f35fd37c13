//! A thousand concurrent submissions in one process, over one transport and under one shutdown, which begins in the middle.

#![allow(clippy::unwrap_used, reason = "tests may panic")]
#![allow(unreachable_pub, reason = "each test is its own crate")]

mod server;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use http::Method;
use peak_alloc::PeakAlloc;
use server::{Connections, Server};
use stepwell::{
    Error, HyperTransport, JobState, Options, Outcome, PipelineSpec, Shutdown, StopMode,
    StopPolicy, Submission, Transport as _,
    shutdown::{ShutdownEnd, ShutdownReport},
};
use stepwell_control_plane::{Generation, Scheduler, testing::HeldPipeline};
use tokio::task::JoinSet;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The tests measure the memory of the whole process, so only one runs at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// No step takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// The maximum number of open connections. The transport has up to 64 requests in progress and as many idle connections; the rest are
/// closed by the transport, but not yet by the server.
const CONNECTIONS: usize = 256;

/// The maximum memory per submission, in bytes, including the server's share.
const MEMORY_EACH: usize = 128 << 10;

/// How many submissions have a query of their own.
const DISTINCT: usize = 1_000;

/// The result of a round.
struct Round {
    running: usize,
    cut_short: usize,
    wall: Duration,
    stopping: Duration,
    peak_memory: usize,
    report: ShutdownReport,
    /// The number of requests by method.
    requests: [(Method, usize); 5],
    connections: Connections,
    /// All pipelines that were ever created; none is deleted.
    pipelines: Vec<HeldPipeline>,
}

fn spec(number: usize) -> PipelineSpec {
    PipelineSpec::builder(format!("SELECT {number} FROM impulse"))
        .name(format!("load{number}"))
        .build()
        .unwrap()
}

/// Submits, shuts down when half of the pipelines run, and checks the promises that hold on every server.
async fn round(generation: Generation, pairs: usize) -> Round {
    let server = Server::start(generation);
    let transport = HyperTransport::builder(server.url()).build().unwrap();
    let transport = transport.into_shared();
    let shutdown = Shutdown::new();

    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let began = Instant::now();
    let mut submissions = JoinSet::new();
    // The pairs come first, side by side, so that their submissions overlap.
    let numbers = (0..pairs).flat_map(|number| [number, number]);
    for number in numbers.chain(pairs..pairs + DISTINCT) {
        // The deadlines are long enough not to affect the result.
        let options = Options::default()
            .with_connect_timeout(PATIENCE)
            .with_request_timeout(PATIENCE)
            .with_validate_timeout(PATIENCE)
            .with_resolve_timeout(PATIENCE);
        let submission = Submission::builder(transport.clone(), spec(number))
            .options(options)
            .shutdown(&shutdown);
        submissions.spawn(submission.build().run());
    }
    let count = submissions.len();

    // Keep the handles until the end, as an application does.
    let mut running = Vec::new();
    while running.len() < count / 2 {
        match submissions.join_next().await.unwrap().unwrap() {
            Ok(Outcome::Running(submission)) => running.push(submission),
            other => panic!("before the shutdown: {other:?}"),
        }
    }
    let stop = Instant::now();
    let policy = StopPolicy::builder().deadline(PATIENCE).build();
    let report = match shutdown.stop_all(policy).await {
        Ok(report) => report,
        Err(error) => panic!("{error}"),
    };
    let stopping = stop.elapsed();

    let mut cut_short = 0;
    while let Some(outcome) = submissions.join_next().await {
        match outcome.unwrap() {
            Ok(Outcome::Running(submission)) => running.push(submission),
            Err(Error::ShutdownBegun) => cut_short += 1,
            other => panic!("after the shutdown: {other:?}"),
        }
    }
    let wall = began.elapsed();
    let peak_memory = MEMORY.peak_usage().saturating_sub(before);
    assert_eq!(running.len() + cut_short, count);

    let plane = server.plane();
    let methods = [
        Method::GET,
        Method::PUT,
        Method::POST,
        Method::PATCH,
        Method::DELETE,
    ];
    let requests = methods.map(|method| (method.clone(), plane.count(&method, "")));
    let round = Round {
        running: running.len(),
        cut_short,
        wall,
        stopping,
        peak_memory,
        report,
        requests,
        connections: server.connections(),
        pipelines: plane.pipelines(),
    };
    round.show(&format!("{generation:?}"));
    round
}

impl Round {
    fn submissions(&self) -> usize {
        self.running + self.cut_short
    }

    fn memory_each(&self) -> usize {
        self.peak_memory / self.submissions()
    }

    fn show(&self, title: &str) {
        let connections = self.connections;
        let requests: usize = self.requests.iter().map(|(_, count)| count).sum();
        println!("{title}");
        for (what, value) in [
            ("submissions", self.submissions().to_string()),
            ("  seen Running", self.running.to_string()),
            ("  cut short", self.cut_short.to_string()),
            ("pipelines made", self.pipelines.len().to_string()),
            ("wall time", format!("{:.2?}", self.wall)),
            ("  stop_all alone", format!("{:.2?}", self.stopping)),
            ("requests", requests.to_string()),
            ("  by method", format!("{:?}", self.requests)),
            ("peak of connections", connections.peak.to_string()),
            ("connections in all", connections.accepted.to_string()),
            ("peak of memory", format!("{} KiB", self.peak_memory >> 10)),
            ("  each", format!("{} KiB", self.memory_each() >> 10)),
        ] {
            println!("  {what:<24}{value}");
        }
    }

    /// Checks what is promised on every server.
    fn hold(&self) {
        assert!(
            self.cut_short > 0,
            "the shutdown did not come in the middle"
        );
        let [.., (_, deletes)] = self.requests;
        assert_eq!(deletes, 0, "deleted pipelines are missing from the check");
        let mut by_query = BTreeMap::<_, Vec<_>>::new();
        for pipeline in &self.pipelines {
            let created = by_query.entry(&pipeline.query).or_default();
            created.push(&pipeline.id);
        }
        for (query, created) in by_query {
            assert_eq!(created.len(), 1, "{query}: {created:?}");
        }
        // Every pipeline has been stopped and is in the report.
        for pipeline in &self.pipelines {
            let told_to_stop = pipeline.stop != StopMode::None;
            assert!(
                pipeline.state == JobState::Stopped && told_to_stop,
                "{pipeline:?}"
            );
            let ended = self.report.entries.iter().any(|entry| {
                entry.id.as_ref() == Some(&pipeline.id)
                    && matches!(entry.end, ShutdownEnd::Ended { .. })
            });
            assert!(
                ended,
                "{pipeline:?} is not in the report as one that has ended"
            );
        }
        // The report contains only pipelines that exist.
        for entry in &self.report.entries {
            let is_made = entry
                .id
                .as_ref()
                .is_some_and(|id| self.pipelines.iter().any(|pipeline| pipeline.id == *id));
            assert!(
                is_made || matches!(entry.end, ShutdownEnd::NotCreated),
                "{entry}"
            );
        }
        let peak = self.connections.peak;
        assert!(peak <= CONNECTIONS, "{peak}");
        assert!(self.memory_each() <= MEMORY_EACH, "{}", self.memory_each());
    }
}

async fn alone(generation: Generation, pairs: usize) -> Round {
    let _alone = ALONE.lock().await;
    tokio::time::timeout(PATIENCE, round(generation, pairs))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_submissions_and_fifty_pairs_with_put() {
    alone(Generation::V0_16, 50).await.hold();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_submissions_to_0_15() {
    alone(Generation::V0_15(Scheduler::Process), 0).await.hold();
}

//! A thousand submissions at once in one process, over one transport and under one shutdown, which comes in the middle.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::{Duration, Instant};

use load::{Counts, Server, Shown};
use peak_alloc::PeakAlloc;
use stepwell::{
    Error, HyperTransport, Options, Outcome, PipelineSpec, Shutdown, StopPolicy, Submission,
    Transport as _,
    shutdown::{ShutdownEnd, ShutdownReport},
};
use stepwell_control_plane::{Generation, Options as ServerOptions, Scheduler};
use tokio::task::JoinSet;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What is looked at is the memory of the whole process, so one at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// The most connections that may be open at the same time. The transport has 64 requests under way and as many connections idle; the rest
/// are those that it gives up and the server has not seen the end of.
const CONNECTIONS: usize = 256;

/// The most memory that may be taken for each submission, with the server's part of it.
const MEMORY_EACH: usize = 128 << 10;

/// How many submissions of queries that nobody else submits.
const DISTINCT: usize = 1_000;

/// What a round came to.
struct Round {
    running: usize,
    cut_short: usize,
    wall: Duration,
    stopping: Duration,
    peak_memory: usize,
    report: ShutdownReport,
    counts: Counts,
    shown: Vec<Shown>,
}

fn spec(number: usize) -> PipelineSpec {
    PipelineSpec::builder(format!("SELECT {number} FROM impulse"))
        .name(format!("load{number}"))
        .build()
        .unwrap()
}

/// Submits, shuts down when half of it runs, and holds the promises that are the same on every server.
async fn round(generation: Generation, pairs: usize) -> Round {
    let mut options = ServerOptions::default();
    options.generation = generation;
    let server = Server::start(options);
    let transport = HyperTransport::builder(server.url()).build().unwrap();
    let transport = transport.into_shared();
    let shutdown = Shutdown::new();

    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let began = Instant::now();
    let mut submissions = JoinSet::new();
    // The pairs go first and side by side, so that they meet.
    let numbers = (0..pairs).flat_map(|number| [number, number]);
    for number in numbers.chain(pairs..pairs + DISTINCT) {
        // No deadline is what decides here.
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

    // They are kept until the end, as somebody does who has a use for them.
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

    let shown = server.world().shown();
    let counts = server.world().counts().clone();
    let round = Round {
        running: running.len(),
        cut_short,
        wall,
        stopping,
        peak_memory,
        report,
        counts,
        shown,
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
        let counts = &self.counts;
        println!("{title}");
        for (what, value) in [
            ("submissions", self.submissions().to_string()),
            ("  seen Running", self.running.to_string()),
            ("  told of the shutdown", self.cut_short.to_string()),
            ("pipelines made", self.shown.len().to_string()),
            ("wall time", format!("{:.2?}", self.wall)),
            ("  of it stop_all", format!("{:.2?}", self.stopping)),
            ("requests", counts.requests.to_string()),
            ("  by method", format!("{:?}", counts.by_method)),
            ("peak of connections", counts.peak.to_string()),
            ("connections in all", counts.accepted.to_string()),
            ("peak of memory", format!("{} KiB", self.peak_memory >> 10)),
            ("  each", format!("{} KiB", self.memory_each() >> 10)),
        ] {
            println!("  {what:<24}{value}");
        }
    }

    /// What is promised on every server.
    fn hold(&self) {
        assert!(self.cut_short > 0, "it was not in the middle");
        for (query, made) in &self.counts.made {
            assert_eq!(made.len(), 1, "{query}: {made:?}");
        }
        // Nothing is left running, and nothing was made that the report does not know.
        for shown in &self.shown {
            assert!(shown.state == "Stopped" && !shown.desired, "{shown:?}");
            let ended = self.report.entries.iter().any(|entry| {
                let is_it = entry.id.as_ref().is_some_and(|id| *id.as_str() == shown.id);
                is_it && matches!(entry.end, ShutdownEnd::Ended { .. })
            });
            assert!(
                ended,
                "{shown:?} is not in the report as one that has ended"
            );
        }
        // And the report makes nothing up.
        for entry in &self.report.entries {
            let is_made = entry
                .id
                .as_ref()
                .is_some_and(|id| self.shown.iter().any(|shown| shown.id == *id.as_str()));
            assert!(
                is_made || matches!(entry.end, ShutdownEnd::NotCreated),
                "{entry}"
            );
        }
        assert!(self.counts.peak <= CONNECTIONS, "{}", self.counts.peak);
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

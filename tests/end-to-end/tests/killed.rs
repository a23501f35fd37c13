//! A replacement whose process is killed at each of its requests, and goes on in another process: over real sockets, on an engine that stays.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::process::{ExitStatus, Stdio};

use stepwell::{JobState, Outcome, PipelineId, SharedTransport, Submission, arroyo::Client};
use support::{PATIENCE, StateDirectory, counting, options, query, transport};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    task::JoinSet,
};

/// One old pipeline and its successor.
#[derive(Clone, Debug)]
struct Pair {
    url: String,
    old_name: String,
    old: PipelineId,
    new_name: String,
    new_query: String,
}

/// How a process has ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Killed,
    Said(String),
}

impl Pair {
    async fn new(url: String, transport: &SharedTransport, number: usize, fails: bool) -> Self {
        let old_name = format!("old{number}");
        let submission = Submission::builder(transport.clone(), counting(&old_name))
            .options(options())
            .build();
        let Outcome::Running(running) = submission.run().await.unwrap() else {
            panic!("it does not end");
        };
        let new_name = format!("new{number}");
        // A row each tenth of a second, and the thirtieth divides by zero.
        let column = if fails {
            "100 / (30 - CAST(counter AS BIGINT))"
        } else {
            "counter"
        };
        let select = format!("SELECT {column} AS n, '{new_name}' AS name FROM impulse");
        Self {
            url,
            old_name,
            old: running.detach(),
            new_query: query("event_rate = '10'", &select),
            new_name,
        }
    }

    /// Replaces in a process of its own, and kills it at the point.
    async fn replace(&self, point: Option<&str>) -> End {
        let mut child = Command::new(env!("CARGO_BIN_EXE_replacer"))
            .args([
                &self.url,
                self.old.as_str(),
                &self.new_name,
                &self.new_query,
            ])
            .args(point)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = tokio::time::timeout(PATIENCE, lines.next_line());
        let said = said.await.unwrap().unwrap();
        if said.as_deref() == Some("reached") {
            child.kill().await.unwrap();
            return End::Killed;
        }
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap();
        assert!(
            status.as_ref().is_ok_and(ExitStatus::success),
            "{self:?}, {point:?}: {status:?}"
        );
        End::Said(said.unwrap_or_default())
    }

    /// The names of the pipelines that are there, and of those that are meant to run.
    async fn shown(&self, client: &Client) -> (Vec<String>, Vec<String>) {
        let (mut there, mut running) = (Vec::new(), Vec::new());
        for pipeline in client.all_pipelines().await.unwrap() {
            if pipeline.name != self.old_name && pipeline.name != self.new_name {
                continue;
            }
            there.push(pipeline.name.clone());
            let job = client.job(&pipeline.id).await.unwrap().unwrap();
            let has_ended = matches!(job.state, JobState::Failed | JobState::Finished);
            if job.running_desired && !has_ended {
                running.push(pipeline.name);
            }
        }
        (there, running)
    }

    /// Kills a process at the point, and lets another one go on.
    async fn play(&self, point: &str, fails: bool) {
        let told = format!("{point}, the new one fails: {fails}");
        let client = Client::new(transport_to(&self.url));
        let first = self.replace(Some(point)).await;
        assert_eq!(first, End::Killed, "{told}");
        let (_, running) = self.shown(&client).await;
        assert!(running.len() <= 1, "{told}: {running:?}");
        let second = self.replace(None).await;
        let (there, running) = self.shown(&client).await;
        if fails {
            assert_eq!(second, End::Said("rolled back".to_owned()), "{told}");
            assert_eq!(running, std::slice::from_ref(&self.old_name), "{told}");
        } else {
            assert_eq!(second, End::Said(self.new_name.clone()), "{told}");
            assert_eq!(running, std::slice::from_ref(&self.new_name), "{told}");
            assert_eq!(there, running, "{told}");
        }
        // What runs is not needed any more.
        for pipeline in client.all_pipelines().await.unwrap() {
            if running.contains(&pipeline.name) {
                let stop =
                    stepwell::arroyo::PatchPipeline::new().stop(stepwell::StopMode::Immediate);
                client.patch(&pipeline.id, &stop).await.unwrap();
            }
        }
    }
}

fn transport_to(url: &str) -> SharedTransport {
    use stepwell::Transport as _;
    let builder = stepwell::HyperTransport::builder(url.to_owned());
    builder.build().unwrap().into_shared()
}

async fn killed_at(points: &[&'static str], fails: bool) {
    let directory = StateDirectory::new();
    let (engine, _) = directory.engine().await;
    let (url, transport) = (engine.url().clone(), transport(&engine));
    let mut plays = JoinSet::new();
    for (number, point) in points.iter().copied().enumerate() {
        let (url, transport) = (url.clone(), transport.clone());
        plays.spawn(async move {
            let pair = Pair::new(url, &transport, number, fails).await;
            pair.play(point, fails).await;
        });
    }
    while let Some(played) = plays.join_next().await {
        played.unwrap();
    }
    engine.close().await.unwrap();
}

/// The requests that change something: the stop of the old one, the create of the new one, and the deletion of the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_at_a_request_has_a_successor_that_ends_with_the_new_one() {
    let points = [
        "read:0:1", "read:0:3", "read:0:5", "read:0:7", "before:1", "during:1", "after:1",
        "read:1:1", "read:1:2", "read:1:4", "before:2", "during:2", "after:2", "read:2:1",
        "read:2:4", "before:3", "during:3", "after:3",
    ];
    killed_at(&points, false).await;
}

/// After the first two, these are the stop and the deletion of the new one, and the start of the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_in_a_roll_back_has_a_successor_that_ends_with_the_old_one() {
    let points = [
        "after:1", "after:2", "read:2:4", "before:3", "during:3", "after:3", "read:3:1",
        "before:4", "during:4", "after:4", "before:5", "during:5", "after:5",
    ];
    killed_at(&points, true).await;
}

//! Replays the recording against an engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stepwell_embedded::Engine;
use tempfile::TempDir;
use tokio::time::{self, Instant};

use crate::differences;
use crate::exchange::{Exchange, send};
use crate::held::Reader;
use crate::names::Names;
use crate::recording::Timeline;
use crate::scenario::Scenario;
use crate::setup::Setup;
use crate::shape::{Differences, compare, in_our_words};
use crate::support::{Api, copy_of};
use crate::timeline::Progress;
use crate::times::Times;
use crate::watcher::Watcher;

/// How long the engine may take to reach the state of the recording.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause between two polls.
const POLL: Duration = Duration::from_millis(4);
/// How long nothing more may happen after a timeline that continued.
const QUIET: Duration = Duration::from_millis(600);

/// The outcome of an exchange or a timeline.
#[derive(Debug)]
pub struct Outcome {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug)]
pub enum Kind {
    Exchange(Differences),
    /// How many of how many lines were seen, or what was seen instead.
    Timeline(Result<(usize, usize), String>),
}

pub enum Event {
    Exchange(Exchange),
    Timeline(Timeline),
}

impl Event {
    pub fn name(&self) -> &str {
        match self {
            Self::Exchange(exchange) => &exchange.name,
            Self::Timeline(timeline) => &timeline.name,
        }
    }

    /// Whether it follows from the exchange rather than from a later action.
    fn is_timeline_of(&self, exchange: &Exchange) -> bool {
        match self {
            Self::Timeline(_) => number(self.name()) <= number(&exchange.name) + 1,
            Self::Exchange(_) => false,
        }
    }
}

pub struct Player {
    engine: Engine,
    api: Api,
    reader: Reader,
    /// The state directory, and the directory of the queries' files.
    directory: TempDir,
    files: TempDir,
    names: Names,
    times: Times,
    /// How long to wait for an answer that is as recorded.
    patience: Duration,
    outcomes: Vec<Outcome>,
}

/// Plays the events of a scenario. Returns the outcome of each.
pub async fn play(scenario: Scenario, events: Vec<Event>) -> Vec<Outcome> {
    let directory = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    write_files(files.path());
    let reader = Reader::default();
    let engine = start(&directory, &reader).await;
    let mut player = Player {
        api: Api::of(&engine),
        engine,
        reader,
        names: Names::new(files.path()),
        directory,
        files,
        times: Times::default(),
        patience: PATIENCE,
        outcomes: Vec::new(),
    };
    let mut events = events.into_iter().peekable();
    while let Some(event) = events.next() {
        let setups = scenario.before.iter();
        for (_, setup) in setups.filter(|(name, _)| *name == event.name()) {
            player = player.set_up(event.name(), *setup).await;
        }
        match event {
            Event::Timeline(timeline) => player.timeline(timeline, None).await,
            Event::Exchange(exchange) => {
                let follows = |event: &Event| {
                    let mut setups = scenario.before.iter();
                    event.is_timeline_of(&exchange)
                        && !setups.any(|(name, _)| *name == event.name())
                };
                let timeline = match events.next_if(follows) {
                    Some(Event::Timeline(timeline)) => Some(timeline),
                    _ => None,
                };
                player.exchange(&exchange, timeline).await;
            }
        }
    }
    player.engine.close().await.unwrap();
    drop(player.files);
    player.outcomes
}

/// The files that recorded queries read, with content that leads to the recorded errors.
fn write_files(directory: &Path) {
    let data = directory.join("data");
    fs::create_dir(&data).unwrap();
    // A source that waits reaches the bad line after one checkpoint, and never the bad cast.
    let good = "{\"v\": \"1\"}\n".repeat(20);
    for (name, text) in [
        ("in.json", "{\"value\": \"a\", \"n\": 1}\n"),
        ("bad.json", "{\"n\": 1}\nnot json\n{\"n\": 2}\n"),
        ("cast.json", &format!("{good}{{\"v\": \"abc\"}}\n")),
    ] {
        fs::write(data.join(name), text).unwrap();
    }
}

async fn start(directory: &TempDir, reader: &Reader) -> Engine {
    Engine::builder(directory.path())
        .rows(Box::new(reader.clone()))
        .start()
        .await
        .unwrap()
}

impl Player {
    async fn set_up(mut self, before: &str, setup: Setup) -> Self {
        match setup {
            Setup::Create {
                id,
                name,
                query,
                parallelism,
            } => {
                let body = json!({"name": name, "query": query, "parallelism": parallelism});
                let ours = self.api.create_with(&body).await;
                self.names.pair(id, &ours);
                // It may replace one that was watched before.
                self.times = Times::default();
            }
            Setup::CreateNeverStarted { id, name, query } => {
                self.engine.close().await.unwrap();
                let idle = Engine::builder(self.directory.path()).idle();
                self.engine = idle.start().await.unwrap();
                self.api = Api::of(&self.engine);
                let body = json!({"name": name, "query": query, "parallelism": 1});
                let ours = self.api.create_with(&body).await;
                self.api.patch(&ours, &json!({"stop": "checkpoint"})).await;
                self.engine.close().await.unwrap();
                self.engine = start(&self.directory, &self.reader).await;
                self.api = Api::of(&self.engine);
                self.names.pair(id, &ours);
                self.times = Times::default();
                self.until(before, id, |job| job["state"] == "Stopped")
                    .await;
            }
            Setup::Patch(id, body) => {
                let id = self.names.ours(id);
                let body: Value = serde_json::from_str(body).unwrap();
                self.api.patch(&id, &body).await;
            }
            Setup::Restart(id, run) => {
                let path = format!("/api/v1/pipelines/{}/restart", self.names.ours(id));
                let reply = self.api.send("POST", &path, Some(&json!({}))).await;
                assert_eq!(reply.status, 200, "before {before}: {reply:?}");
                let is_there = |job: &Value| job["state"] == "Running" && job["run_id"] == run;
                self.until(before, id, is_there).await;
            }
            Setup::Until(id, state) => {
                self.until(before, id, |job| job["state"] == state).await;
            }
            Setup::CallOffTooLate(id) => self.call_off_too_late(before, id).await,
            Setup::Kill => {
                let left = copy_of(self.directory.path());
                drop(self.engine);
                self.directory = left;
                self.engine = start(&self.directory, &self.reader).await;
                self.api = Api::of(&self.engine);
            }
            Setup::CloseAndStart => {
                self.engine.close().await.unwrap();
                self.engine = start(&self.directory, &self.reader).await;
                self.api = Api::of(&self.engine);
            }
        }
        self
    }

    async fn call_off_too_late(&self, before: &str, id: &str) {
        self.reader.hold();
        let wait = async {
            while !self.reader.is_waited_for() {
                time::sleep(POLL).await;
            }
        };
        time::timeout(PATIENCE, wait).await.unwrap();
        let pipeline = self.names.ours(id);
        self.api
            .patch(&pipeline, &json!({"stop": "checkpoint"}))
            .await;
        self.until(before, id, |job| job["state"] == "CheckpointStopping")
            .await;
        self.api.patch(&pipeline, &json!({"stop": "none"})).await;
    }

    async fn until(&self, before: &str, id: &str, wanted: impl Fn(&Value) -> bool + Send + Sync) {
        let id = self.names.ours(id);
        let wait = self.api.wait_for(&id, wanted);
        if time::timeout(PATIENCE, wait).await.is_err() {
            let job = self.api.job(&id).await;
            panic!("before {before}, {id} is {job}");
        }
    }

    /// Sends a recorded request. If a timeline begins with it, the pipeline is watched from before the request.
    async fn exchange(&mut self, exchange: &Exchange, timeline: Option<Timeline>) {
        self.learn_job(&exchange.path).await;
        // Reads are repeated until they are as recorded; writes are sent once.
        let is_repeated = exchange.method == "GET" && !differences::is_listed(&exchange.name);
        let deadline = Instant::now() + self.patience;
        let watcher = match &timeline {
            Some(timeline) if self.names.knows(&timeline.pipeline) => {
                Some(self.watcher(timeline, false).await)
            }
            _ => None,
        };
        let found = loop {
            let answer = send(exchange, &self.names, &self.api.authority).await;
            let recorded = exchange.answer.as_ref();
            let found = compare(&exchange.method, recorded, answer.as_ref(), &self.names);
            if found.is_empty() || !is_repeated {
                break found;
            }
            if Instant::now() > deadline {
                // Something is wrong; do not wait for it again.
                self.patience = Duration::ZERO;
                break found;
            }
            time::sleep(POLL).await;
        };
        for (recorded, ours) in &found.pairs {
            self.names.pair(recorded, ours);
        }
        self.outcomes.push(Outcome {
            name: exchange.name.clone(),
            kind: Kind::Exchange(found),
        });
        if let Some(timeline) = timeline {
            self.timeline(timeline, watcher).await;
        }
    }

    /// A path can name the job of a pipeline before any answer does.
    async fn learn_job(&mut self, path: &str) {
        let segments: Vec<_> = path.split(['/', '?']).collect();
        let [_, _, _, _, pipeline, "jobs", job, ..] = segments[..] else {
            return;
        };
        if self.names.knows(pipeline)
            && !self.names.knows(job)
            && Names::is_id(job)
            && job != "job_nope"
        {
            let ours = self.api.job(&self.names.ours(pipeline)).await;
            self.names.pair(job, ours["id"].as_str().unwrap());
        }
    }

    async fn watcher(&self, timeline: &Timeline, answered: bool) -> Watcher {
        let pipeline = self.names.ours(&timeline.pipeline);
        Watcher::start(&self.api.authority, &pipeline, answered).await
    }

    async fn timeline(&mut self, mut timeline: Timeline, watcher: Option<Watcher>) {
        for line in &mut timeline.observations {
            let reason = self.names.ours(&line.job.failure_reason.to_string());
            line.job.failure_reason = serde_json::from_str(&reason).unwrap();
            if let Some(Value::String(error)) = line.job.failure_reason.get_mut("error") {
                *error = in_our_words(error);
            }
        }
        let watcher = match watcher {
            Some(watcher) => watcher,
            None => self.watcher(&timeline, true).await,
        };
        watcher.answered();
        let outcome = follow(&timeline, watcher, &mut self.times, &self.reader).await;
        self.outcomes.push(Outcome {
            name: timeline.name,
            kind: Kind::Timeline(outcome),
        });
    }
}

/// Watches until the end of a timeline. Returns how many of how many lines were seen.
async fn follow(
    timeline: &Timeline,
    mut watcher: Watcher,
    times: &mut Times,
    reader: &Reader,
) -> Result<(usize, usize), String> {
    let mut progress = Progress::new(timeline);
    let deadline = Instant::now() + PATIENCE;
    while !progress.is_at_end() {
        let Some(now) = watcher.next(deadline).await else {
            return Err(format!("{}: nothing more comes", timeline.name));
        };
        progress.see(&now.job, &now.offer, times)?;
        // The reader stays stopped until that was seen.
        reader.read_on();
    }
    if timeline.timed_out {
        let quiet_until = Instant::now() + QUIET;
        while let Some(now) = watcher.next(quiet_until).await {
            progress.see(&now.job, &now.offer, times)?;
        }
    }
    Ok((progress.seen, timeline.observations.len()))
}

fn number(name: &str) -> u32 {
    name[..3].parse().unwrap()
}

/// The exchanges and timelines of a scenario, in order. A timeline belongs to the exchange of its number.
pub fn events(
    scenario: &Scenario,
    exchanges: &mut BTreeMap<usize, Exchange>,
    timelines: &mut BTreeMap<String, Timeline>,
) -> Vec<Event> {
    let mut events = Vec::new();
    let is_numbered = |name: &str| name.as_bytes()[3] == b'_';
    while let Some((_, exchange)) = exchanges.pop_first() {
        let is_last = exchange.name == scenario.last;
        let next = exchanges.values().next().map(|next| next.name.clone());
        events.push(Event::Exchange(exchange));
        while let Some(entry) = timelines.first_entry() {
            // `379b` comes after the timeline of 379.
            let comes_later = next.as_deref().is_some_and(|next| {
                number(next) < number(entry.key())
                    || number(next) == number(entry.key()) && is_numbered(next)
            });
            if comes_later {
                break;
            }
            let timeline = entry.remove();
            if !differences::is_unplayed(&timeline.name) {
                events.push(Event::Timeline(timeline));
            }
        }
        if is_last {
            break;
        }
    }
    assert_eq!(events[0].name(), scenario.first);
    events
}

//! One run: what happens in it, and whether the promises held.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, header};
use stepwell::{
    Error, OnShutdown, Options, Outcome, PipelineSpec, Shutdown, StopPolicy, Submission, WaitError,
};
use tokio::time::{Instant, timeout};

use faults::chance::Chance;

use crate::{
    fault::{Hits, Network},
    world::{Nature, World},
};

/// What every call of the library is given, in seconds.
const RESOLVE: u64 = 30;
const RUNNING: u64 = 60;
const STOP: u64 = 60;
const REQUEST: u64 = 5;

/// A broken promise, with what led to it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Broken {
    pub promise: &'static str,
    pub story: String,
}

/// How a submission of ours came out.
#[derive(Debug)]
enum Came {
    Running(#[allow(dead_code, reason = "the trace shows it")] String),
    Finished,
    Failed(Error),
    Dropped,
}

struct Run {
    world: World,
    chance: Chance,
    hits: Hits,
    broken: Vec<(&'static str, String)>,
    /// Whether somebody else meddles with the pipelines.
    rival: bool,
    /// Whether the pipeline that was there before runs, or comes to run, by itself.
    before_runs: bool,
}

/// Plays one seed.
///
/// # Errors
///
/// The first promise that did not hold.
pub fn play(seed: u64, hits: &Hits) -> Result<(), Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(story(seed, hits))
}

async fn story(seed: u64, hits: &Hits) -> Result<(), Broken> {
    let mut chance = Chance::new(seed);
    let put = chance.percent(50);
    let nature = Nature {
        put,
        mixed: put && chance.percent(20),
        tick: if chance.percent(70) {
            500
        } else {
            1_000 + chance.below(3_000)
        },
        restarts: chance.percent(20),
    };
    let world = World::start(nature, chance.fork());
    let rival = chance.percent(30);
    let mut run = Run {
        world,
        chance,
        hits: Arc::clone(hits),
        broken: Vec::new(),
        rival,
        before_runs: true,
    };
    run.go().await;
    match run.broken.into_iter().next() {
        None => Ok(()),
        Some((promise, what)) => {
            let trace = run.world.lock().trace.join("\n");
            Err(Broken {
                promise,
                story: format!("seed {seed}, {nature:?}, rival {rival}\n{what}\n{trace}"),
            })
        }
    }
}

fn spec(number: u64) -> PipelineSpec {
    let query = format!("SELECT {number} FROM impulse");
    PipelineSpec::builder(query)
        .name(format!("spec{number}"))
        .force(true)
        .build()
        .unwrap()
}

impl Run {
    async fn go(&mut self) {
        if self.chance.percent(40) {
            self.make_one_before().await;
        }
        let shutdown = Shutdown::new();
        let same = self.chance.percent(50);
        let count = 1 + self.chance.below(2);
        let trouble = [0, 10, 30, 60][usize::try_from(self.chance.below(4)).unwrap()];
        let mut submissions = Vec::new();
        for number in 0..count {
            let who = format!("we{number}");
            let network = Network::new(&self.world, &who, trouble, self.chance.fork(), &self.hits);
            let spec = spec(if same { 0 } else { number });
            let drop_after = self
                .chance
                .percent(20)
                .then(|| self.chance.millis(0, 4_000));
            let task = submit(
                network,
                spec,
                shutdown.clone(),
                drop_after,
                self.chance.fork(),
                self.world.clone(),
            );
            submissions.push(tokio::spawn(task));
        }
        if self.rival {
            tokio::spawn(meddle(
                self.world.clone(),
                self.chance.fork(),
                Arc::clone(&self.hits),
            ));
        }
        if self.chance.percent(70) {
            let moment = self.chance.millis(0, 8_000);
            tokio::time::sleep(moment).await;
        } else {
            // A signal long after everything.
            tokio::time::sleep(Duration::from_secs(200)).await;
        }
        let settled = self.stop_all(&shutdown).await;
        for (number, submission) in submissions.into_iter().enumerate() {
            self.judge(
                number,
                timeout(Duration::from_secs(600), submission)
                    .await
                    .map(Result::unwrap),
            );
        }
        // Whatever is still on its way arrives.
        tokio::time::sleep(Duration::from_secs(120)).await;
        self.at_most_one(same);
        if settled {
            self.no_orphans();
        }
    }

    /// A pipeline that is there already: running, stopped, stopping, failing or failed.
    async fn make_one_before(&mut self) {
        let body = serde_json::json!({"name": "spec0", "query": spec(0).query(), "parallelism": 1});
        send(
            &self.world,
            "before",
            Method::POST,
            "/api/v1/pipelines",
            &body.to_string(),
        );
        let id = self.world.lock().made[0].1.clone();
        tokio::time::sleep(self.chance.millis(0, 8_000)).await;
        match self.chance.below(4) {
            0 => return,
            1 => {
                self.world.fail(&id);
            }
            _ => {
                let path = format!("/api/v1/pipelines/{id}");
                send(
                    &self.world,
                    "before",
                    Method::PATCH,
                    &path,
                    r#"{"stop":"checkpoint"}"#,
                );
            }
        }
        tokio::time::sleep(self.chance.millis(0, 12_000)).await;
        let job = self.world.lock().job(&id);
        self.before_runs =
            job.is_some_and(|(state, desired)| desired && !state.starts_with("Fail"));
    }

    async fn stop_all(&mut self, shutdown: &Shutdown) -> bool {
        let started = Instant::now();
        self.world.lock().note("stop_all");
        let policy = StopPolicy::builder()
            .deadline(Duration::from_secs(STOP))
            .build();
        let stopped = shutdown.stop_all(policy).await;
        let text = match &stopped {
            Ok(report) => format!("stop_all: {report}"),
            Err(error) => format!("stop_all failed: {error}"),
        };
        self.world.lock().note(text);
        if started.elapsed() > Duration::from_secs(STOP + 10 + 1) {
            self.broken
                .push(("it ends", format!("stop_all took {:?}", started.elapsed())));
        }
        stopped.is_ok()
    }

    fn judge(&mut self, number: usize, came: Result<Came, tokio::time::error::Elapsed>) {
        let Ok(came) = came else {
            self.broken
                .push(("it ends", format!("submission {number} does not")));
            return;
        };
        self.world
            .lock()
            .note(format!("we{number}: came out as {came:?}"));
        if let Came::Failed(Error::Wait { source }) = &came {
            let false_failure = matches!(
                source,
                WaitError::Failed { .. }
                    | WaitError::Stopped { .. }
                    | WaitError::Vanished { .. }
                    | WaitError::NoTasks { .. }
            );
            if false_failure && !self.rival {
                self.broken
                    .push(("no false failure", format!("submission {number}: {source}")));
            }
        }
        if let Came::Finished = came {
            self.broken.push((
                "no false success",
                format!("submission {number}: nothing here ever finishes"),
            ));
        }
    }

    fn at_most_one(&mut self, same: bool) {
        let (made, nature) = {
            let inner = self.world.lock();
            (inner.made.clone(), inner.nature())
        };
        let by = |who: &str| made.iter().filter(|(maker, _)| maker == who).count();
        for who in ["we0", "we1"] {
            if by(who) > 1 {
                self.broken.push((
                    "at most one",
                    format!("{who} has made {} pipelines: {made:?}", by(who)),
                ));
            }
        }
        if same && nature.put && !nature.mixed && by("we0") + by("we1") > 1 {
            self.broken.push((
                "at most one",
                format!("two submissions of one spec have made two pipelines: {made:?}"),
            ));
        }
    }

    fn no_orphans(&mut self) {
        // Somebody else may have started them again.
        if self.rival {
            return;
        }
        let (made, late) = {
            let inner = self.world.lock();
            (inner.made.clone(), inner.late.clone())
        };
        for (who, id) in made {
            if late
                .iter()
                .any(|path| path.split('/').any(|segment| segment == id))
            {
                continue;
            }
            // What was there before and did not run by itself, runs only because we have started it.
            let ours = who.starts_with("we") || (who == "before" && !self.before_runs);
            if ours && self.world.is_alive(&id) {
                self.broken.push((
                    "no orphans",
                    format!("stop_all was fine, and {id} of {who} is alive"),
                ));
            }
        }
    }
}

/// Takes all steps of a submission; some are given up by their caller.
async fn submit(
    network: Network,
    spec: PipelineSpec,
    shutdown: Shutdown,
    drop_after: Option<Duration>,
    mut chance: Chance,
    world: World,
) -> Came {
    tokio::time::sleep(chance.millis(0, 1_500)).await;
    let options = Options::builder()
        .shutdown(&shutdown)
        .on_shutdown(if chance.percent(50) {
            OnShutdown::Stop
        } else {
            OnShutdown::StopIfStartedHere
        })
        .request_timeout(Duration::from_secs(REQUEST))
        .resolve_timeout(Duration::from_secs(RESOLVE))
        .settle_timeout(Duration::from_secs(5))
        .running_timeout(Duration::from_secs(RUNNING))
        .build();
    let steps = steps(
        Submission::builder(network, spec).options(options).build(),
        chance.fork(),
        world,
    );
    match drop_after {
        Some(moment) => timeout(moment, steps).await.unwrap_or(Came::Dropped),
        None => steps.await,
    }
}

async fn steps(
    submission: Submission<stepwell::Unconnected>,
    mut chance: Chance,
    world: World,
) -> Came {
    let connected = match submission.connect().await {
        Ok(connected) => connected,
        Err(failure) => return Came::Failed(failure.into_error()),
    };
    let mut validated = match connected.validate().await {
        Ok(validated) => validated,
        Err(failure) => return Came::Failed(failure.into_error()),
    };
    let mut tries = 0;
    let registered = loop {
        match validated.resolve().await {
            Ok(resolution) => break resolution.register(),
            Err(failure) => {
                let (error, back) = failure.into_parts();
                world.lock().note(format!("resolve failed: {error}"));
                tries += 1;
                if tries > 2 || !error.is_retryable() || chance.percent(30) {
                    return Came::Failed(error);
                }
                validated = back;
                tokio::time::sleep(chance.millis(0, 3_000)).await;
            }
        }
    };
    match registered.wait_until_running().await {
        Ok(running) => Came::Running(running.id().to_string()),
        Err(failure) => match failure.into_error() {
            Error::Wait {
                source: WaitError::Finished { .. },
            } => Came::Finished,
            error => Came::Failed(error),
        },
    }
}

/// Somebody else, who submits, stops, resumes and deletes as he likes.
async fn meddle(world: World, mut chance: Chance, hits: Hits) {
    for _ in 0..=chance.below(4) {
        tokio::time::sleep(chance.millis(0, 5_000)).await;
        let ids: Vec<String> = world.lock().made.iter().map(|(_, id)| id.clone()).collect();
        let some = usize::try_from(chance.below(ids.len().max(1) as u64)).unwrap();
        let path = ids
            .get(some)
            .map(|id| format!("/api/v1/pipelines/{id}"))
            .unwrap_or_default();
        match chance.below(4) {
            0 => {
                let network = Network::new(&world, "rival", 0, chance.fork(), &hits);
                let _: Result<Outcome, Error> = Submission::new(network, spec(0)).run().await;
            }
            1 => send(
                &world,
                "rival",
                Method::PATCH,
                &path,
                r#"{"stop":"checkpoint"}"#,
            ),
            2 => send(&world, "rival", Method::PATCH, &path, r#"{"stop":"none"}"#),
            _ => send(&world, "rival", Method::DELETE, &path, ""),
        }
    }
}

/// A request that nothing happens to.
fn send(world: &World, who: &str, method: Method, path: &str, body: &str) {
    if path.is_empty() {
        return;
    }
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    world.lock().answer(who, &request);
}

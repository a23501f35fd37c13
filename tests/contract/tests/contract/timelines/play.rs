//! [`Play`]: one timeline, played once at one speed.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use stepwell::{
    Error, JobState, Options, PipelineSpec, Shutdown, StopMode, Submission,
    error::{StopError, WaitError},
    observe::{Event, JobTransition},
    state::{Ended, Registered, Running, Stopped},
};
use tokio::time::Instant;

use super::{
    server::{ID, LATENCY, QUERY, Server},
    table::{Asked, Case},
    track::{Speed, Track},
};

/// The longest time between two polls of `stop` and `ended`: the longest pause, and a request.
pub const GAP: Duration = Duration::from_millis(500).saturating_add(LATENCY);

/// The same for `wait_until_running` after this time: its pauses grow with the wait.
pub fn gap_of_wait(waited: Duration) -> Duration {
    GAP.max((waited / 6).min(Duration::from_secs(8)) + LATENCY)
}

/// A reported trouble: the number of restarts and the reason.
pub type Trouble = (u32, Option<String>);

pub struct Play<'a> {
    pub case: &'a Case,
    pub track: Arc<Track>,
    pub speed: Speed,
    pub server: Server,
    reports: Arc<Mutex<Vec<JobTransition>>>,
    /// The last report before the step.
    before: Mutex<Option<JobTransition>>,
    troubles: Arc<Mutex<Vec<Trouble>>>,
    stable_for: Duration,
}

/// A completed step, with what was shown to it and what it reported.
pub struct Taken<T> {
    pub result: T,
    pub began: Instant,
    pub ended: Instant,
    pub reports: Vec<JobTransition>,
    /// The last report before it began.
    pub before: Option<JobTransition>,
}

impl<'a> Play<'a> {
    pub fn new(case: &'a Case, speed: Speed, stable_for: Duration) -> Self {
        let track = Arc::new(Track::of(case));
        Self {
            case,
            server: Server::new(case, &track, speed),
            track,
            speed,
            reports: Arc::default(),
            before: Mutex::default(),
            troubles: Arc::default(),
            stable_for,
        }
    }

    /// Longer than the timeline: nothing happens after it.
    fn patience(&self) -> Duration {
        self.speed.of(self.track.end()) * 2 + Duration::from_secs(5)
    }

    /// How long the job must stay Running, at this speed.
    pub fn stable_for(&self) -> Duration {
        self.speed.of(self.stable_for)
    }

    /// Options for a new submission, which has reported nothing yet.
    fn options(&self) -> Options {
        self.reports.lock().unwrap().clear();
        *self.before.lock().unwrap() = None;
        let reports = Arc::clone(&self.reports);
        let troubles = Arc::clone(&self.troubles);
        let mut options = Options::default()
            .with_running_timeout(self.patience())
            .with_stop_timeout(self.patience())
            // Chance decides which Running of a few milliseconds a poll hits.
            .with_jitter_seed(1)
            .with_observer(move |event: &Event| match event {
                Event::JobState(transition) => reports.lock().unwrap().push(transition.clone()),
                Event::JobTrouble {
                    restarts, error, ..
                } => {
                    let reason = error.as_ref().map(|error| error.details.clone());
                    troubles.lock().unwrap().push((*restarts, reason));
                }
                _ => {}
            });
        if !self.stable_for.is_zero() {
            options = options.with_stable_for(self.stable_for());
        }
        if let Asked::StopWith(mode) = self.case.asked {
            options = options.with_stop_mode(StopMode::from(mode));
        }
        options
    }

    pub fn troubles(&self) -> Vec<Trouble> {
        self.troubles.lock().unwrap().clone()
    }

    /// Takes all steps, so that our own request is the recorded one.
    pub async fn submit(&self) -> Submission<Registered> {
        let mut spec = PipelineSpec::builder(QUERY).name("orders");
        if let Asked::Parallelism(parallelism) = self.case.asked {
            spec = spec.parallelism(NonZeroU32::new(parallelism).unwrap());
        }
        let submission = Submission::builder(self.server.clone(), spec.build().unwrap())
            .options(self.options())
            .build();
        let validated = submission.connect().await.unwrap().validate().await;
        validated.unwrap().resolve().await.unwrap().register()
    }

    /// Attaches by the id.
    pub async fn attach(&self) -> Submission<Registered> {
        let id = stepwell::PipelineId::from_server(ID);
        let attached =
            Submission::attach(self.server.clone(), id, &Shutdown::new(), self.options()).await;
        attached.unwrap()
    }

    /// Takes a step, and collects what is shown and reported meanwhile.
    pub async fn take<T>(&self, step: impl Future<Output = T>) -> Taken<T> {
        self.server.forget();
        let mut before = self.before.lock().unwrap().clone();
        before = self
            .reports
            .lock()
            .unwrap()
            .drain(..)
            .next_back()
            .or(before);
        let began = Instant::now();
        let result = step.await;
        let reports = std::mem::take(&mut *self.reports.lock().unwrap());
        *self.before.lock().unwrap() = reports.last().or(before.as_ref()).cloned();
        Taken {
            result,
            began,
            ended: Instant::now(),
            reports,
            before,
        }
    }

    /// Calls `stop`, from Running if the job was.
    pub async fn stop(&self) -> Taken<Result<Submission<Stopped>, Error>> {
        let registered = self.attach().await;
        let before = &self.track.before.as_ref().unwrap().job;
        let is_running = before.state == JobState::Running && before.tasks != Some(0);
        if is_running {
            let running = registered.wait_until_running().await.unwrap();
            let stop = async { running.stop().await.map_err(Into::into) };
            self.take(Box::pin(stop)).await
        } else {
            let stop = async { registered.stop().await.map_err(Into::into) };
            self.take(Box::pin(stop)).await
        }
    }

    /// Calls `ended` for as long as the timeline lasts; `None` if there was no end.
    pub async fn watch(&self, running: &Submission<Running>) -> Taken<Option<Ended>> {
        let ended = self.take(tokio::time::timeout(self.patience(), running.ended()));
        let taken = ended.await;
        Taken {
            result: taken.result.ok().map(Result::unwrap),
            began: taken.began,
            ended: taken.ended,
            reports: taken.reports,
            before: taken.before,
        }
    }
}

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Running(u64),
    Ended(JobState, u64),
    NoTasks(u64),
    Deadline(Option<JobState>),
    Stopped(u64),
    EndedOtherwise(JobState),
    Resumed,
}

impl Verdict {
    pub fn of_wait(result: &Result<Submission<Running>, Error>) -> Self {
        match result {
            Ok(running) => Self::Running(running.job().run_id),
            Err(Error::Wait { source }) => match source {
                WaitError::Failed { job, .. }
                | WaitError::Finished { job, .. }
                | WaitError::Stopped { job, .. } => Self::Ended(job.state.clone(), job.run_id),
                WaitError::NoTasks { job, .. } => Self::NoTasks(job.run_id),
                WaitError::Deadline { source, .. } => Self::Deadline(source.state().cloned()),
                other => panic!("{other:?}"),
            },
            Err(other) => panic!("{other:?}"),
        }
    }

    pub fn of_stop(result: &Result<Submission<Stopped>, Error>) -> Self {
        match result {
            Ok(stopped) => Self::Stopped(stopped.job().run_id),
            Err(Error::Stop { source }) => match source {
                StopError::EndedOtherwise { job, .. } => Self::EndedOtherwise(job.state.clone()),
                StopError::Deadline { source, .. } => Self::Deadline(source.state().cloned()),
                StopError::Resumed { .. } => Self::Resumed,
                other => panic!("{other:?}"),
            },
            Err(other) => panic!("{other:?}"),
        }
    }
}

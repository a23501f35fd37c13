//! What one submission of ours was told, in the order in which it was told.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use stepwell::{
    Error, OnShutdown, PipelineId, PipelineSpec,
    spec::{FindBy, Identity, Intent, WhenFinished},
};
use tokio::{sync::Notify, time::Instant};

/// Shared by the submission, which may be dropped at any moment, and the story.
#[derive(Clone, Debug)]
pub struct Diary {
    pages: Arc<Mutex<Pages>>,
    /// Its caller goes away.
    pub gone: Arc<Notify>,
}

#[derive(Debug)]
pub struct Pages {
    pub who: String,
    pub process: usize,
    pub query: String,
    pub name: String,
    pub intent: Intent,
    pub force: bool,
    /// The ids that it looks at, if it looks for its pipeline by the id.
    pub row: Option<Vec<String>>,
    pub on_shutdown: OnShutdown,
    pub stable_for: Duration,
    /// Of a hundred requests, how many go wrong.
    pub trouble: u64,
    /// From when to when it resolved.
    pub resolves: Vec<(Instant, Option<Instant>)>,
    pub calls: Vec<Call>,
    pub told: Vec<(Instant, Told)>,
    pub replaced: Vec<Replaced>,
}

/// Another query was put in the place of the pipeline, or was to be.
#[derive(Debug)]
pub struct Replaced {
    pub from: Instant,
    /// `None` for ever if the caller went away.
    pub to: Option<Instant>,
    pub old: String,
    /// The submission of the new one.
    pub by: String,
    pub keeps_old: bool,
    /// The new pipeline.
    pub outcome: Option<Result<String, Error>>,
}

/// A call of the library.
#[derive(Debug)]
pub struct Call {
    pub step: &'static str,
    pub began: Instant,
    /// `None` while it is under way, and for ever if its caller went away.
    pub ended: Option<Instant>,
    pub allowed: Duration,
}

impl Call {
    pub fn took(&self) -> Option<Duration> {
        self.ended.map(|ended| ended - self.began)
    }

    pub fn is_under_way_at(&self, time: Instant) -> bool {
        self.began <= time && self.ended.is_none_or(|ended| time <= ended)
    }
}

/// What the library said.
#[derive(Debug)]
pub enum Told {
    Running {
        id: String,
        run_id: u64,
    },
    Stopped {
        id: String,
        /// When the stop began.
        began: Instant,
        final_checkpoint: Option<bool>,
    },
    /// The pipeline has come to an end that was awaited.
    Ended {
        id: String,
        state: String,
    },
    /// It was watched from then on, and no end was told.
    Watched {
        id: String,
        from: Instant,
    },
    Discarded {
        id: String,
    },
    Deleted {
        id: String,
    },
    Detached {
        id: String,
    },
    /// A step failed; resolving may be tried again.
    Failed(Error),
    /// Its caller went away.
    Dropped,
}

impl Told {
    /// The pipeline that it is about.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Running { id, .. }
            | Self::Stopped { id, .. }
            | Self::Ended { id, .. }
            | Self::Watched { id, .. }
            | Self::Discarded { id }
            | Self::Deleted { id }
            | Self::Detached { id } => Some(id),
            Self::Failed(error) => error.pipeline_id().map(PipelineId::as_str),
            Self::Dropped => None,
        }
    }
}

impl Diary {
    pub fn new(
        who: String,
        process: usize,
        spec: &PipelineSpec,
        on_shutdown: OnShutdown,
        stable_for: Duration,
        trouble: u64,
    ) -> Self {
        Self {
            pages: Arc::new(Mutex::new(Pages {
                who,
                process,
                query: spec.query().to_owned(),
                name: spec.name().to_owned(),
                intent: spec.intent().clone(),
                force: spec.force(),
                row: row(spec),
                on_shutdown,
                stable_for,
                trouble,
                resolves: Vec::new(),
                calls: Vec::new(),
                told: Vec::new(),
                replaced: Vec::new(),
            })),
            gone: Arc::new(Notify::new()),
        }
    }

    pub fn read(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    /// `None` if the caller holds it already.
    pub fn try_read(&self) -> Option<MutexGuard<'_, Pages>> {
        self.pages.try_lock().ok()
    }

    pub fn tell(&self, told: Told) {
        self.read().told.push((Instant::now(), told));
    }

    pub fn begins_to_replace(&self, replaced: Replaced) -> usize {
        let all = &mut self.read().replaced;
        all.push(replaced);
        all.len() - 1
    }

    pub fn has_replaced(&self, number: usize, outcome: Result<String, Error>) {
        let replaced = &mut self.read().replaced[number];
        replaced.to = Some(Instant::now());
        replaced.outcome = Some(outcome);
    }

    /// Takes the time of a call.
    pub async fn time<T>(
        &self,
        step: &'static str,
        allowed: Duration,
        call: impl Future<Output = T>,
    ) -> T {
        let number = {
            let calls = &mut self.read().calls;
            calls.push(Call {
                step,
                began: Instant::now(),
                ended: None,
                allowed,
            });
            calls.len() - 1
        };
        let output = call.await;
        self.read().calls[number].ended = Some(Instant::now());
        output
    }
}

/// The ids at which a pipeline of the spec has to be looked for, if not every one of its query counts.
fn row(spec: &PipelineSpec) -> Option<Vec<String>> {
    if let Intent::Resume(id) = spec.intent() {
        return Some(vec![id.to_string()]);
    }
    if let Identity::Given(id) = spec.identity() {
        return Some(vec![id.to_string()]);
    }
    if spec.find_by() != FindBy::Id {
        return None;
    }
    let runs = match spec.when_finished() {
        WhenFinished::NewRun => 16,
        _ => 1,
    };
    let id = |run: u64| {
        let namespace = match run {
            0 => String::new(),
            _ => format!("\u{0}run {run}"),
        };
        PipelineId::for_spec(&namespace, spec.name(), spec.query()).to_string()
    };
    Some((0..runs).map(id).collect())
}

impl Pages {
    /// When a call ended, or its caller went away; `None` while it is under way.
    pub fn left(&self, call: &Call) -> Option<Instant> {
        let dropped = self.told.iter().find_map(|(at, told)| {
            (matches!(told, Told::Dropped) && *at >= call.began).then_some(*at)
        });
        call.ended.or(dropped)
    }

    /// Whether it has to find this pipeline, if the server takes ids.
    pub fn looks_at(&self, takes_ids: bool, id: &str) -> bool {
        let by_id = takes_ids || matches!(self.intent, Intent::Resume(_));
        let row = self.row.as_ref().filter(|_| by_id);
        row.is_none_or(|row| row.iter().any(|looked| looked == id))
    }

    /// The last call that had ended by then.
    pub fn call_before(&self, time: Instant) -> Option<&Call> {
        let mut calls = self.calls.iter().rev();
        calls.find(|call| call.ended.is_some_and(|ended| ended <= time))
    }

    /// Whether one of these calls is under way at that time.
    pub fn is_in(&self, steps: &[&str], time: Instant) -> bool {
        let mut calls = self.calls.iter();
        calls.any(|call| steps.contains(&call.step) && call.is_under_way_at(time))
    }

    /// When it began to resolve first.
    pub fn began(&self) -> Option<Instant> {
        self.resolves.first().map(|(from, _)| *from)
    }
}

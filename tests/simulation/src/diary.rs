//! What one submission of ours was told, in the order in which it was told.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use stepwell::{
    Error, OnShutdown, PipelineId, PipelineSpec,
    spec::{FindBy, Intent, WhenFinished},
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
}

/// A call of the library that has ended.
#[derive(Debug)]
pub struct Call {
    pub step: &'static str,
    pub took: Duration,
    pub allowed: Duration,
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
    Discarded {
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
                row: (spec.find_by() == FindBy::Id).then(|| row(spec)),
                on_shutdown,
                stable_for,
                trouble,
                resolves: Vec::new(),
                calls: Vec::new(),
                told: Vec::new(),
            })),
            gone: Arc::new(Notify::new()),
        }
    }

    pub fn read(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    pub fn tell(&self, told: Told) {
        self.read().told.push((Instant::now(), told));
    }

    /// Takes the time of a call.
    pub async fn time<T>(
        &self,
        step: &'static str,
        allowed: Duration,
        call: impl Future<Output = T>,
    ) -> T {
        let started = Instant::now();
        let output = call.await;
        self.read().calls.push(Call {
            step,
            took: started.elapsed(),
            allowed,
        });
        output
    }
}

/// The ids of the runs of a spec that are looked at whatever is missing.
fn row(spec: &PipelineSpec) -> Vec<String> {
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
    (0..runs).map(id).collect()
}

impl Pages {
    /// Whether it has to find this pipeline, if the server takes ids.
    pub fn looks_at(&self, takes_ids: bool, id: &str) -> bool {
        let row = self.row.as_ref().filter(|_| takes_ids);
        row.is_none_or(|row| row.iter().any(|looked| looked == id))
    }

    /// When it began to resolve first.
    pub fn began(&self) -> Option<Instant> {
        self.resolves.first().map(|(from, _)| *from)
    }
}

//! What is shown on standard error. Rows go to standard output, and nothing else does but what `list`, `status` and `validate` were
//! asked for.

mod json;
mod resolved;
mod retries;
mod text;

use std::{
    io::IsTerminal as _,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use stepwell::{
    arroyo::JobError,
    observe::{Event, Observer},
    shutdown::KnownPipeline,
    state::Plan,
};

use crate::{
    arguments::{Format, Global},
    color, diagnostic,
    failure::Failure,
    hint::Hint,
    interrupt::Interruption,
};

pub(crate) use self::resolved::{Destination, How, Place, Resolved};
use self::{json::Json, text::Text};

/// A line on standard error. Nobody may be reading it any more, as in `2>&1 | head`; that is no reason to fail.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), $($text)*);
    }};
}

pub(crate) use say;

/// A handle on what is shown; clones are the same.
#[derive(Clone)]
pub(crate) struct Output {
    inner: Arc<Mutex<Inner>>,
    /// Whether pipelines run in this process.
    pipelines_end_with_us: Arc<AtomicBool>,
    /// Why the job does not keep running, as it was told last.
    trouble: Arc<Mutex<Option<Trouble>>>,
}

/// A job that is restarted again and again.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) restarts: u32,
    /// The newest error that the job has logged.
    pub(crate) error: Option<JobError>,
}

enum Inner {
    Text(Text),
    Json(Json),
}

/// Whether what goes to standard error is coloured.
pub(crate) fn has_color() -> bool {
    color::is_used_on(&std::io::stderr())
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let inner = match global.output {
            Format::Text => Inner::Text(Text::new(global.quiet, has_color())),
            Format::Json => Inner::Json(Json::new(global.quiet)),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            pipelines_end_with_us: Arc::default(),
            trouble: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether standard output is asked for as JSON too.
    pub(crate) fn is_json(&self) -> bool {
        matches!(*self.lock(), Inner::Json(_))
    }

    /// Something that a person wants to know.
    pub(crate) fn note(&self, text: &str) {
        match &mut *self.lock() {
            Inner::Text(output) => output.note(text),
            Inner::Json(output) => output.message("note", text),
        }
    }

    /// Something that a person should know.
    pub(crate) fn warning(&self, text: &str) {
        match &mut *self.lock() {
            Inner::Text(output) => output.warning(text),
            Inner::Json(output) => output.message("warning", text),
        }
    }

    /// Where the pipeline goes: the first thing that is said.
    pub(crate) fn destination(&self, destination: &Destination<'_>) {
        match &mut *self.lock() {
            Inner::Text(output) => output.note(&match destination {
                Destination::Server(url) => format!("using the server {url}"),
                Destination::Embedded(Some(directory)) => {
                    format!(
                        "using the embedded engine, with its state in {}",
                        directory.display()
                    )
                }
                Destination::Embedded(None) => "using the embedded engine".to_owned(),
            }),
            Inner::Json(output) => output.destination(destination),
        }
    }

    /// The pipeline that was created or resumed.
    pub(crate) fn resolved(&self, resolved: &Resolved<'_>) {
        match &mut *self.lock() {
            Inner::Text(output) => {
                let id = resolved.id;
                output.note(&match resolved.how {
                    How::Created => format!("created pipeline {id}"),
                    How::FoundAgain => format!(
                        "created pipeline {id}; the reply was lost, and the pipeline was found again"
                    ),
                    How::Resumed(None) => format!("resumed pipeline {id}"),
                    How::Resumed(Some(state)) => format!("resumed pipeline {id}, which was {state}"),
                });
            }
            Inner::Json(output) => output.resolved(resolved),
        }
    }

    /// What a run would do.
    pub(crate) fn plan(&self, plan: &Plan, text: &str) {
        match &mut *self.lock() {
            Inner::Text(output) => output.note(text),
            Inner::Json(output) => output.plan(plan, text),
        }
    }

    /// The pipeline runs, and this process stays with it.
    pub(crate) fn running(&self, id: &str, place: &Place) {
        match &mut *self.lock() {
            Inner::Text(output) => {
                output.note(&format!(
                    "pipeline {id} is running; press Ctrl-C to stop it"
                ));
                match place {
                    Place::Dashboard(url) => output.note(&format!("  dashboard: {url}")),
                    Place::Engine { page, engine } => {
                        output.note(&format!("  status page: {page}"));
                        output.note(&format!("  other commands reach it with --server {engine}"));
                    }
                    Place::Unknown => {}
                }
            }
            Inner::Json(output) => output.running(id, place),
        }
    }

    /// The pipeline is left to the server; `running` tells whether it was seen running.
    pub(crate) fn detached(&self, id: &str, running: bool, dashboard: Option<&str>) {
        match &mut *self.lock() {
            Inner::Text(output) => {
                let what = if running {
                    "is running"
                } else {
                    "was submitted"
                };
                output.note(&format!("pipeline {id} {what}, and stays on the server"));
                if let Some(url) = dashboard {
                    output.note(&format!("  dashboard: {url}"));
                }
            }
            Inner::Json(output) => output.detached(id, running, dashboard),
        }
    }

    /// A signal asked for the end; what is known of is stopped.
    pub(crate) fn interrupted(&self, signal: Interruption, pipelines: &[KnownPipeline]) {
        match &mut *self.lock() {
            Inner::Text(output) => {
                output.clear();
                let again = signal.again();
                output.note(&match pipelines {
                    [] => format!("stopping; {again}"),
                    _ => format!("stopping pipeline {}; {again}", names(pipelines)),
                });
            }
            Inner::Json(output) => output.interrupted(signal, pipelines),
        }
    }

    /// The last word before the process ends at once, for the quiet too.
    pub(crate) fn quit(&self, signal: Interruption, pipelines: &[KnownPipeline]) {
        let text = match pipelines {
            [] => format!("quit on a second {signal}"),
            _ => format!(
                "quit on a second {signal}; pipeline {} {}",
                names(pipelines),
                self.fate_of_what_is_left()
            ),
        };
        match &mut *self.lock() {
            Inner::Text(output) => {
                output.clear();
                output.error(&text, &[]);
            }
            Inner::Json(_) => Json::quit(&text, signal, pipelines),
        }
    }

    /// From here on pipelines run in this process, and end with it.
    pub(crate) fn pipelines_end_with_us(&self) {
        self.pipelines_end_with_us.store(true, Ordering::Relaxed);
    }

    fn fate_of_what_is_left(&self) -> &'static str {
        if self.pipelines_end_with_us.load(Ordering::Relaxed) {
            "ends without a final checkpoint"
        } else {
            "may still be running"
        }
    }

    /// The pipeline was stopped by us.
    pub(crate) fn stopped(
        &self,
        id: &str,
        name: &str,
        state: &str,
        final_checkpoint: Option<bool>,
    ) {
        match &mut *self.lock() {
            Inner::Text(output) => {
                let with = match final_checkpoint {
                    Some(true) => " with a final checkpoint",
                    // All its input is through.
                    _ if state == "Finished" => "",
                    Some(false) => " without a final checkpoint",
                    None => " (whether a final checkpoint was made is not known)",
                };
                output.note(&format!("pipeline {id} is {state}{with}"));
            }
            Inner::Json(output) => output.stopped(id, name, state, final_checkpoint),
        }
    }

    /// The pipeline has ended by itself.
    pub(crate) fn ended(&self, id: &str, state: &str) {
        match &mut *self.lock() {
            Inner::Text(output) => output.note(&format!("pipeline {id} is {state}")),
            Inner::Json(output) => output.ended(id, state),
        }
    }

    /// A directory that was chosen here holds the pipeline's state.
    pub(crate) fn state_kept(&self, directory: &Path, command: Option<&str>) {
        match &mut *self.lock() {
            Inner::Text(output) => {
                let then = command.map_or(String::new(), |command| {
                    format!("; continue with:\n  {command}")
                });
                output.note(&format!(
                    "the state is kept in {}{then}",
                    directory.display()
                ));
            }
            Inner::Json(output) => output.state_kept(directory, command),
        }
    }

    /// What a library logs, when that is asked for.
    pub(crate) fn log(&self, level: &str, target: &str, text: &str) {
        match &mut *self.lock() {
            Inner::Text(output) => output.log(level, target, text),
            Inner::Json(output) => output.log(level, target, text),
        }
    }

    /// What ended the command other than well.
    pub(crate) fn failure(&self, failure: &Failure, hints: &[Hint]) {
        match &mut *self.lock() {
            Inner::Text(output) => {
                output.clear();
                for failure in failure.in_order() {
                    if let Failure::Invalid {
                        origin,
                        diagnostics,
                    } = failure
                    {
                        output.print(&diagnostic::render(origin, diagnostics, has_color()));
                    }
                    output.error(&failure.to_string(), &failure.causes());
                }
                Text::hints(hints);
            }
            Inner::Json(_) => Json::failure(failure, hints),
        }
    }

    /// Runs `write`, which prints rows, with whatever moves on the terminal out of its way. It may block, and holds nobody up.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        let spinner = match &*self.lock() {
            Inner::Text(output) if std::io::stdout().is_terminal() => output.spinner(),
            _ => None,
        };
        match spinner {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    /// What tells the output about the steps of a submission.
    pub(crate) fn observer(&self) -> impl Observer + use<> {
        let output = self.clone();
        move |event: &Event| {
            output.note_trouble(event);
            match &mut *output.lock() {
                Inner::Text(output) => output.event(event),
                Inner::Json(output) => output.event(event),
            }
        }
    }

    fn note_trouble(&self, event: &Event) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::JobTrouble {
                restarts, error, ..
            } => {
                let before = trouble.take();
                let (known, last) =
                    before.map_or((0, None), |before| (before.restarts, before.error));
                *trouble = Some(Trouble {
                    // A stop counts anew.
                    restarts: known.max(*restarts),
                    error: error.clone().or(last),
                });
            }
            Event::JobRecovered { .. } => *trouble = None,
            _ => {}
        }
    }

    /// Why the job does not keep running, if it does not.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }
}

fn names(pipelines: &[KnownPipeline]) -> String {
    let name = |pipeline: &KnownPipeline| match &pipeline.id {
        Some(id) => id.to_string(),
        None => format!("{:?} (its id is not known)", pipeline.name),
    };
    pipelines.iter().map(name).collect::<Vec<_>>().join(", ")
}

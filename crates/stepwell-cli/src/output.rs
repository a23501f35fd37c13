//! What is shown on standard error. Rows go to standard output, and nothing else does but what `list`, `status` and `validate` were
//! asked for.

mod json;
mod text;

use std::{
    io::IsTerminal as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use stepwell::{Event, Observer};

use crate::{
    arguments::{Format, Global},
    color, diagnostic,
    failure::Failure,
};

use self::{json::Json, text::Text};

/// A line on standard error. Nobody may be reading it any more, as in `2>&1 | head`; that is no reason to fail.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), $($text)*);
    }};
}

pub(crate) use say;

/// Where a running pipeline can be looked at.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A server's dashboard.
    Dashboard(String),
    /// The status page of the embedded engine, and the engine's address.
    Engine {
        page: String,
        engine: String,
    },
    Unknown,
}

/// A handle on what is shown; clones are the same.
#[derive(Clone)]
pub(crate) struct Output {
    inner: Arc<Mutex<Inner>>,
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

    pub(crate) fn error(&self, text: &str, hint: Option<&str>) {
        match &mut *self.lock() {
            Inner::Text(output) => output.error(text, &[], hint),
            Inner::Json(_) => {
                Json::error(text, &[], hint, crate::exit::Exit::Unexpected.code());
            }
        }
    }

    /// The pipeline, and where it can be looked at. A person is told of one that is not stayed with when it is left to itself.
    pub(crate) fn running(&self, id: &str, place: &Place, stays: bool) {
        match &mut *self.lock() {
            Inner::Text(_) if !stays => {}
            Inner::Text(output) => {
                let at = match place {
                    Place::Dashboard(url) => format!(" ({url})"),
                    Place::Engine { page, engine } => {
                        format!(" ({page}; --server {engine} reaches it)")
                    }
                    Place::Unknown => String::new(),
                };
                output.note(&format!("pipeline {id} is running{at}; Ctrl-C stops it"));
            }
            Inner::Json(output) => output.running(id, place),
        }
    }

    /// How a pipeline ended.
    pub(crate) fn ended(&self, id: &str, state: &str, final_checkpoint: Option<bool>) {
        match &mut *self.lock() {
            Inner::Text(output) => {
                let with = match final_checkpoint {
                    Some(true) => " with a final checkpoint",
                    Some(false) => " without a final checkpoint",
                    None => "",
                };
                output.note(&format!("pipeline {id} is {state}{with}"));
            }
            Inner::Json(output) => output.ended(id, state, final_checkpoint),
        }
    }

    /// What ended the command other than well.
    pub(crate) fn failure(&self, failure: &Failure) {
        let causes = failure.causes();
        let hint = failure.hint();
        match &mut *self.lock() {
            Inner::Text(output) => {
                if let Failure::Invalid {
                    origin,
                    diagnostics,
                } = failure
                {
                    output.print(&diagnostic::render(origin, diagnostics, has_color()));
                }
                output.error(&failure.to_string(), &causes, hint.as_deref());
            }
            Inner::Json(_) => {
                if let Failure::Invalid { diagnostics, .. } = failure {
                    Json::diagnostics(diagnostics);
                }
                Json::error(
                    &failure.to_string(),
                    &causes,
                    hint.as_deref(),
                    failure.exit().code(),
                );
            }
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
        move |event: &Event| match &mut *output.lock() {
            Inner::Text(output) => output.event(event),
            Inner::Json(output) => output.event(event),
        }
    }
}

//! What a command shows on standard error. Standard output is for rows and for the results of `list`, `status` and `validate`.

mod interrupted;
mod json;
mod pipeline;
mod resolved;
mod retries;
mod text;
mod trouble;

use std::{
    io::IsTerminal as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use stepwell::observe::{Event, Observer};

use self::{json::Json, text::Text};
use crate::{
    arguments::{Format, Global},
    color, diagnostic,
    failure::Failure,
    hint::Hint,
};

pub(crate) use self::{
    resolved::{Destination, How, ResolvedPipeline, WebPage},
    trouble::{JobTrouble, logged},
};

/// A handle on what is shown. Clones share it.
#[derive(Clone)]
pub(crate) struct Output {
    format: Arc<Mutex<InFormat>>,
    pipelines_end_with_us: Arc<AtomicBool>,
    trouble: Arc<Mutex<Option<JobTrouble>>>,
}

enum InFormat {
    Text(Text),
    Json(Json),
}

/// Whether standard error is coloured.
fn has_color() -> bool {
    color::is_used_on(&std::io::stderr())
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let format = match global.output {
            Format::Text => InFormat::Text(Text::new(global.quiet, has_color())),
            Format::Json => InFormat::Json(Json::new(global.quiet)),
        };
        Self {
            format: Arc::new(Mutex::new(format)),
            pipelines_end_with_us: Arc::default(),
            trouble: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, InFormat> {
        self.format.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the format is JSON, which then applies to standard output too.
    pub(crate) fn is_json(&self) -> bool {
        matches!(*self.lock(), InFormat::Json(_))
    }

    /// Shows a piece of information.
    pub(crate) fn note(&self, text: &str) {
        match &mut *self.lock() {
            InFormat::Text(output) => output.note(text),
            InFormat::Json(output) => output.message("note", text),
        }
    }

    pub(crate) fn warning(&self, text: &str) {
        match &mut *self.lock() {
            InFormat::Text(output) => output.warning(text),
            InFormat::Json(output) => output.message("warning", text),
        }
    }

    /// Shows a log line of a library.
    pub(crate) fn log(&self, level: &str, target: &str, text: &str) {
        match &mut *self.lock() {
            InFormat::Text(output) => output.log(level, target, text),
            InFormat::Json(output) => output.log(level, target, text),
        }
    }

    /// Shows why the command failed, and what to try next.
    pub(crate) fn failure(&self, failure: &Failure, hints: &[Hint]) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
                output.clear();
                for failure in failure.in_order() {
                    if let Failure::Invalid { query, diagnostics } = failure {
                        output.print(&diagnostic::render(query, diagnostics, has_color()));
                    }
                    output.error(&failure.to_string(), &failure.causes());
                }
                Text::hints(hints);
            }
            InFormat::Json(_) => Json::failure(failure, hints),
        }
    }

    /// Runs `write`, which prints rows, while the spinner is off the terminal. `write` may block; nothing else waits for it.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        let spinner = match &*self.lock() {
            InFormat::Text(output) if std::io::stdout().is_terminal() => output.spinner(),
            _ => None,
        };
        match spinner {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    /// Returns the observer that shows the events of a submission.
    pub(crate) fn observer(&self) -> impl Observer + use<> {
        let output = self.clone();
        move |event: &Event| {
            output.record_trouble(event);
            match &mut *output.lock() {
                InFormat::Text(output) => output.event(event),
                InFormat::Json(output) => output.event(event),
            }
        }
    }

    fn record_trouble(&self, event: &Event) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = JobTrouble::after(trouble.take(), event);
    }

    /// Why the job does not keep running, if that was reported.
    pub(crate) fn trouble(&self) -> Option<JobTrouble> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    /// Records that pipelines run in this process from now on, and end with it.
    pub(crate) fn set_pipelines_end_with_us(&self) {
        self.pipelines_end_with_us.store(true, Ordering::Relaxed);
    }
}

//! What is shown of a pipeline: where it goes, whether it was found or created, where it can be watched, and how it ended.

use std::path::Path;

use stepwell::{JobState, shutdown::ShutdownEnd, state::Plan};

use super::{
    InFormat, Output,
    resolved::{Destination, How, ResolvedPipeline, WebPage},
};

impl Output {
    /// Shows where the pipeline runs. This is the first message of a run.
    pub(crate) fn destination(&self, destination: &Destination<'_>) {
        match &mut *self.lock() {
            InFormat::Text(output) => output.note(&match destination {
                Destination::Server(url) => format!("using the server {url}"),
                Destination::Embedded(Some(directory)) => {
                    format!(
                        "using the embedded engine, with its state in {}",
                        directory.display()
                    )
                }
                Destination::Embedded(None) => "using the embedded engine".to_owned(),
            }),
            InFormat::Json(output) => output.destination(destination),
        }
    }

    /// Shows the pipeline that was created or resumed.
    pub(crate) fn resolved(&self, resolved: &ResolvedPipeline<'_>) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
                let id = resolved.id;
                output.note(&match resolved.how {
                    How::Created => format!("created pipeline {id}"),
                    How::FoundAgain => format!(
                        "created pipeline {id}; the reply was lost, and the pipeline was found again"
                    ),
                    How::Resumed(None) => format!("resumed pipeline {id}"),
                    How::Resumed(Some(state)) => {
                        format!("resumed pipeline {id}, which was {state}")
                    }
                });
            }
            InFormat::Json(output) => output.resolved(resolved),
        }
    }

    /// Shows what a run would do.
    pub(crate) fn plan(&self, plan: &Plan, text: &str) {
        match &mut *self.lock() {
            InFormat::Text(output) => output.note(text),
            InFormat::Json(output) => output.plan(plan, text),
        }
    }

    /// Shows that the pipeline is running, with this process attached.
    pub(crate) fn running(&self, id: &str, web_page: &WebPage) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
                output.note(&format!(
                    "pipeline {id} is running; press Ctrl-C to stop it"
                ));
                match web_page {
                    WebPage::Dashboard(url) => output.note(&format!("  dashboard: {url}")),
                    WebPage::Engine { page, engine } => {
                        output.note(&format!("  status page: {page}"));
                        output.note(&format!("  other commands reach it with --server {engine}"));
                    }
                    WebPage::Unknown => {}
                }
            }
            InFormat::Json(output) => output.running(id, web_page),
        }
    }

    /// Shows that the pipeline is left on the server, and whether it was seen running.
    pub(crate) fn detached(&self, id: &str, running: bool, dashboard: Option<&str>) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
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
            InFormat::Json(output) => output.detached(id, running, dashboard),
        }
    }

    /// Shows that a pipeline was told to run, and whether it was seen running.
    pub(crate) fn left_running(&self, id: &str, running: bool, dashboard: Option<&str>) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
                let what = if running {
                    "is running"
                } else {
                    "was told to run"
                };
                output.note(&format!("pipeline {id} {what}"));
                if let Some(url) = dashboard {
                    output.note(&format!("  dashboard: {url}"));
                }
            }
            InFormat::Json(output) => output.detached(id, running, dashboard),
        }
    }

    /// Shows how a pipeline ended that this command has stopped.
    pub(crate) fn stopped(
        &self,
        id: &str,
        name: &str,
        state: &JobState,
        final_checkpoint: Option<bool>,
    ) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
                // The reason of a failure follows as the error.
                let end = ShutdownEnd::Ended {
                    state: state.clone(),
                    final_checkpoint,
                    failure: None,
                };
                output.note(&format!("pipeline {id} {end}"));
            }
            InFormat::Json(output) => output.stopped(id, name, state.as_str(), final_checkpoint),
        }
    }

    /// Shows which settings of a running pipeline were changed; none if it had them already.
    pub(crate) fn updated(&self, id: &str, name: &str, changes: &[&str]) {
        match &mut *self.lock() {
            InFormat::Text(output) => output.note(&match changes {
                [] => format!("nothing to change: pipeline {id} has these settings"),
                _ => format!("updated pipeline {id}: {}", changes.join(", ")),
            }),
            InFormat::Json(output) => output.updated(id, name, changes),
        }
    }

    /// Shows that a pipeline has taken the place of another one, which is kept or deleted.
    pub(crate) fn replaced(
        &self,
        old: &str,
        id: &str,
        name: &str,
        kept: bool,
        dashboard: Option<&str>,
    ) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
                let end = if kept { "kept, stopped" } else { "deleted" };
                output.note(&format!(
                    "pipeline {id} is running in the place of {old}, which was {end}"
                ));
                if let Some(url) = dashboard {
                    output.note(&format!("  dashboard: {url}"));
                }
            }
            InFormat::Json(output) => output.replaced(old, id, name, kept, dashboard),
        }
    }

    /// Shows that the pipeline is gone.
    pub(crate) fn deleted(&self, id: &str, name: &str) {
        match &mut *self.lock() {
            InFormat::Text(output) => output.note(&format!("deleted pipeline {id} ({name:?})")),
            InFormat::Json(output) => output.deleted(id, name),
        }
    }

    /// Shows that the pipeline is in the state that was waited for. In text, its states were shown already.
    pub(crate) fn reached(&self, id: &str, name: &str, state: &str) {
        if let InFormat::Json(output) = &mut *self.lock() {
            output.reached(id, name, state);
        }
    }

    /// Shows that the pipeline ended by itself.
    pub(crate) fn ended(&self, id: &str, state: &str) {
        match &mut *self.lock() {
            InFormat::Text(output) => output.note(&format!("pipeline {id} is {state}")),
            InFormat::Json(output) => output.ended(id, state),
        }
    }

    /// Shows the temporary directory that holds the pipeline's state, and the command that continues from it.
    pub(crate) fn state_kept(&self, directory: &Path, command: Option<&str>) {
        match &mut *self.lock() {
            InFormat::Text(output) => {
                let then = command.map_or(String::new(), |command| {
                    format!("; continue with:\n  {command}")
                });
                output.note(&format!(
                    "the state is kept in {}{then}",
                    directory.display()
                ));
            }
            InFormat::Json(output) => output.state_kept(directory, command),
        }
    }
}

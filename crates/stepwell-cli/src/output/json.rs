//! For programs: one object a line on standard error. Its schema is in `docs/cli-output.md`.

use serde_json::{Value, json};
use stepwell::{Event, Step, arroyo::SqlDiagnostic};

use super::{Place, say};

pub(crate) struct Json {
    quiet: bool,
}

impl Json {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let line = match event {
            Event::StepStarted { step } => json!({"event": "step_started", "step": name(*step)}),
            Event::StepFinished { step, elapsed } => {
                json!({"event": "step_finished", "step": name(*step), "elapsed_seconds": elapsed.as_secs_f64()})
            }
            Event::Retrying {
                step,
                reason,
                attempt,
            } => {
                json!({"event": "retrying", "step": name(*step), "reason": reason, "attempt": attempt})
            }
            Event::JobState(transition) => json!({
                "event": "job_state",
                "pipeline_id": transition.pipeline_id.as_str(),
                "job_id": transition.job_id.as_str(),
                "run_id": transition.run_id,
                "state": transition.state.as_str(),
                "running_desired": transition.running_desired,
                "elapsed_seconds": transition.elapsed.as_secs_f64(),
            }),
            Event::Differs {
                pipeline_id,
                difference,
            } => {
                json!({"event": "warning", "pipeline_id": pipeline_id.as_str(), "message": difference.to_string()})
            }
            _ => return,
        };
        self.line(&line);
    }

    pub(super) fn message(&mut self, event: &str, text: &str) {
        self.line(&json!({"event": event, "message": text}));
    }

    pub(super) fn running(&mut self, id: &str, place: &Place) {
        let (dashboard, engine) = match place {
            Place::Dashboard(url) => (Some(url), None),
            Place::Engine { page, engine } => (Some(page), Some(engine)),
            Place::Unknown => (None, None),
        };
        self.line(&json!({
            "event": "running", "pipeline_id": id, "dashboard_url": dashboard, "engine_url": engine
        }));
    }

    pub(super) fn ended(&mut self, id: &str, state: &str, final_checkpoint: Option<bool>) {
        self.line(&json!({
            "event": "ended", "pipeline_id": id, "state": state, "final_checkpoint": final_checkpoint
        }));
    }

    pub(super) fn diagnostics(diagnostics: &[SqlDiagnostic]) {
        for diagnostic in diagnostics {
            say!(
                "{}",
                json!({"event": "diagnostic", "message": diagnostic.message, "span": diagnostic.span})
            );
        }
    }

    /// Errors are shown to the quiet too.
    pub(super) fn error(text: &str, causes: &[String], hint: Option<&str>, exit_code: u8) {
        say!(
            "{}",
            json!({"event": "error", "message": text, "causes": causes, "next": hint, "exit_code": exit_code})
        );
    }

    fn line(&self, line: &Value) {
        if !self.quiet {
            say!("{line}");
        }
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Connect => "connect",
        Step::Validate => "validate",
        Step::Resolve => "resolve",
        Step::Wait => "wait",
        Step::Stop => "stop",
        _ => "other",
    }
}

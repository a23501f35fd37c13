//! Output for programs: one JSON object per line on standard error. Its schema is `docs/cli-output.schema.json`.

use std::{path::Path, time::SystemTime};

use serde_json::{Value, json};
use stepwell::{
    PipelineId,
    observe::{Event, Step, Subject},
    shutdown::KnownPipeline,
    state::Plan,
};

use super::resolved::{Destination, How, ResolvedPipeline, WebPage};
use crate::{failure::Failure, hint::Hint, interruption::Interruption, standard_error::say};

/// Increased when a field changes its meaning or is removed.
const SCHEMA: u32 = 1;

pub(crate) struct Json {
    quiet: bool,
}

impl Json {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::StepStarted { subject, step } => self.of("step_started", subject, *step, json!({})),
            Event::StepFinished {
                subject,
                step,
                elapsed,
            } => self.of(
                "step_finished",
                subject,
                *step,
                json!({"elapsed_seconds": elapsed.as_secs_f64()}),
            ),
            Event::StepFailed {
                subject,
                step,
                code,
                reason,
                elapsed,
            } => self.of(
                "step_failed",
                subject,
                *step,
                json!({"code": code, "reason": reason, "elapsed_seconds": elapsed.as_secs_f64()}),
            ),
            Event::Retrying {
                subject,
                step,
                reason,
                attempt,
            } => self.of(
                "retrying",
                subject,
                *step,
                json!({"reason": reason, "attempt": attempt}),
            ),
            Event::Answered {
                subject,
                step,
                failures,
                elapsed,
            } => self.of(
                "answered",
                subject,
                *step,
                json!({"failures": failures, "elapsed_seconds": elapsed.as_secs_f64()}),
            ),
            Event::JobState(transition) => self.line(
                "job_state",
                json!({
                    "pipeline_id": transition.pipeline_id.as_str(),
                    "job_id": transition.job_id.as_str(),
                    "run_id": transition.run_id,
                    "state": transition.state.as_str(),
                    "running_desired": transition.running_desired,
                    "elapsed_seconds": transition.elapsed.as_secs_f64(),
                }),
            ),
            Event::JobTrouble {
                pipeline_id,
                job_id,
                run_id,
                restarts,
                elapsed,
                error,
            } => self.line(
                "job_trouble",
                json!({
                    "pipeline_id": pipeline_id.as_str(), "job_id": job_id.as_str(), "run_id": run_id, "restarts": restarts,
                    "elapsed_seconds": elapsed.as_secs_f64(),
                    "error": error.as_ref().map(|error| json!({"message": error.message, "details": error.details})),
                }),
            ),
            Event::JobRecovered {
                pipeline_id,
                job_id,
                restarts,
                elapsed,
            } => self.line(
                "job_recovered",
                json!({
                    "pipeline_id": pipeline_id.as_str(), "job_id": job_id.as_str(), "restarts": restarts,
                    "elapsed_seconds": elapsed.as_secs_f64(),
                }),
            ),
            Event::Differs {
                pipeline_id,
                difference,
            } => self.line(
                "warning",
                json!({"pipeline_id": pipeline_id.as_str(), "message": difference.to_string()}),
            ),
            // How a pipeline was resolved is said by the command, with more about it (`resolved`).
            _ => {}
        }
    }

    /// Writes an event of a step, with the pipeline as far as it is known.
    fn of(&mut self, event: &str, subject: &Subject, step: Step, mut fields: Value) {
        fields["step"] = name(step).into();
        fields["pipeline_id"] = json!(subject.id);
        fields["name"] = json!(subject.name.as_deref());
        self.line(event, fields);
    }

    pub(super) fn message(&mut self, event: &str, text: &str) {
        self.line(event, json!({ "message": text }));
    }

    pub(super) fn log(&mut self, level: &str, target: &str, text: &str) {
        self.line(
            "log",
            json!({"level": level, "target": target, "message": text}),
        );
    }

    pub(super) fn destination(&mut self, destination: &Destination<'_>) {
        let (server, directory) = match destination {
            Destination::Server(url) => (Some(url), None),
            Destination::Embedded(directory) => (None, *directory),
        };
        self.line(
            "destination",
            json!({"server": server, "state_dir": directory}),
        );
    }

    pub(super) fn resolved(&mut self, resolved: &ResolvedPipeline<'_>) {
        let (action, state) = match resolved.how {
            How::Created | How::FoundAgain => ("created", None),
            How::Resumed(state) => ("resumed", state),
        };
        let differences = resolved.differences.iter().map(ToString::to_string);
        self.line(
            "resolved",
            json!({
                "pipeline_id": resolved.id, "name": resolved.name, "action": action, "state_before": state,
                "found_again": matches!(resolved.how, How::FoundAgain), "differences": differences.collect::<Vec<_>>(),
            }),
        );
    }

    pub(super) fn plan(&mut self, plan: &Plan, text: &str) {
        let (action, id) = match plan {
            Plan::Resume { pipeline, .. } => ("resume", Some(pipeline.id.as_str())),
            Plan::Create { id, .. } => ("create", id.as_ref().map(PipelineId::as_str)),
            _ => ("settle", None),
        };
        self.line(
            "plan",
            json!({"action": action, "pipeline_id": id, "message": text}),
        );
    }

    pub(super) fn running(&mut self, id: &str, web_page: &WebPage) {
        let (dashboard, engine) = match web_page {
            WebPage::Dashboard(url) => (Some(url), None),
            WebPage::Engine { page, engine } => (Some(page), Some(engine)),
            WebPage::Unknown => (None, None),
        };
        self.line(
            "running",
            json!({"pipeline_id": id, "dashboard_url": dashboard, "engine_url": engine}),
        );
    }

    pub(super) fn detached(&mut self, id: &str, running: bool, dashboard: Option<&str>) {
        self.line(
            "detached",
            json!({"pipeline_id": id, "running": running, "dashboard_url": dashboard}),
        );
    }

    pub(super) fn interrupted(&mut self, signal: Interruption, pipelines: &[KnownPipeline]) {
        self.line(
            "interrupted",
            json!({"signal": signal.to_string(), "pipelines": known(pipelines)}),
        );
    }

    pub(super) fn quit(text: &str, signal: Interruption, pipelines: &[KnownPipeline]) {
        write(
            "error",
            json!({
                "message": text, "causes": [], "then": [], "next": [], "may_be_running": known(pipelines),
                "exit_code": signal.exit_code(),
            }),
        );
    }

    pub(super) fn stopped(
        &mut self,
        id: &str,
        name: &str,
        state: &str,
        final_checkpoint: Option<bool>,
    ) {
        self.line(
            "stopped",
            json!({"pipeline_id": id, "name": name, "state": state, "final_checkpoint": final_checkpoint}),
        );
    }

    pub(super) fn updated(&mut self, id: &str, name: &str, changes: &[&str]) {
        self.line(
            "updated",
            json!({"pipeline_id": id, "name": name, "changes": changes}),
        );
    }

    pub(super) fn replaced(
        &mut self,
        old: &str,
        id: &str,
        name: &str,
        kept: bool,
        dashboard: Option<&str>,
    ) {
        self.line(
            "replaced",
            json!({"pipeline_id": id, "name": name, "old_pipeline_id": old, "old_is_kept": kept, "dashboard": dashboard}),
        );
    }

    pub(super) fn deleted(&mut self, id: &str, name: &str) {
        self.line("deleted", json!({"pipeline_id": id, "name": name}));
    }

    pub(super) fn reached(&mut self, id: &str, name: &str, state: &str) {
        self.line(
            "reached",
            json!({"pipeline_id": id, "name": name, "state": state}),
        );
    }

    pub(super) fn ended(&mut self, id: &str, state: &str) {
        self.line("ended", json!({"pipeline_id": id, "state": state}));
    }

    pub(super) fn state_kept(&mut self, directory: &Path, command: Option<&str>) {
        self.line(
            "state_kept",
            json!({"state_dir": directory, "command": command}),
        );
    }

    /// Writes the error, even with `--quiet`.
    pub(super) fn failure(failure: &Failure, hints: &[Hint]) {
        let next: Vec<_> = hints
            .iter()
            .map(|hint| json!({"message": hint.text, "command": hint.command}))
            .collect();
        let mut failures = failure.in_order();
        for failure in &failures {
            if let Failure::Invalid { diagnostics, .. } = failure {
                for diagnostic in diagnostics {
                    write(
                        "diagnostic",
                        json!({"message": diagnostic.message, "span": diagnostic.span}),
                    );
                }
            }
        }
        let first = failures.remove(0);
        let then: Vec<_> = failures
            .iter()
            .map(|failure| json!({"message": failure.to_string(), "causes": failure.causes()}))
            .collect();
        write(
            "error",
            json!({
                "message": first.to_string(), "causes": first.causes(), "then": then, "next": next,
                "may_be_running": failure.may_be_running(), "exit_code": failure.exit().code(),
            }),
        );
    }

    fn line(&self, event: &str, fields: Value) {
        if !self.quiet {
            write(event, fields);
        }
    }
}

/// Writes an event, with the fields that every event has.
fn write(event: &str, mut fields: Value) {
    fields["event"] = event.into();
    fields["schema"] = SCHEMA.into();
    fields["time"] = humantime::format_rfc3339_millis(SystemTime::now())
        .to_string()
        .into();
    say!("{fields}");
}

fn known(pipelines: &[KnownPipeline]) -> Value {
    let known = pipelines.iter().map(
        |pipeline| json!({"id": pipeline.id.as_ref().map(PipelineId::as_str), "name": pipeline.name}),
    );
    known.collect()
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Connect => "connect",
        Step::Validate => "validate",
        Step::Resolve => "resolve",
        Step::Wait => "wait",
        Step::Stop => "stop",
        Step::Start => "start",
        Step::Update => "update",
        Step::Delete => "delete",
        Step::Attach => "attach",
        Step::Read => "read",
        Step::Watch => "watch",
        _ => "other",
    }
}

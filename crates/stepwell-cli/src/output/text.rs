//! Output for people. On a terminal each step is a spinner that becomes a tick with its time, elsewhere one plain line per step.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use stepwell::{
    observe::{Event, JobTransition, Step},
    transport::words::Time,
};

use super::{retries::Retries, trouble::logged};
use crate::{
    hint::Hint,
    printable::{line, lines as printable},
    standard_error::say,
};

#[allow(
    clippy::struct_excessive_bools,
    reason = "each is independent of the others"
)]
pub(crate) struct Text {
    quiet: bool,
    color: bool,
    is_terminal: bool,
    spinner: Option<ProgressBar>,
    last_state: Option<String>,
    retries: Retries,
    /// Whether the job is restarted again and again. That is shown instead of each of its states.
    in_trouble: bool,
}

const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

impl Text {
    pub(super) fn new(quiet: bool, color: bool) -> Self {
        Self {
            quiet,
            color,
            is_terminal: std::io::stderr().is_terminal(),
            spinner: None,
            last_state: None,
            retries: Retries::default(),
            in_trouble: false,
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        if self.quiet {
            return;
        }
        match event {
            Event::StepStarted { step, .. } => self.start(*step),
            Event::StepFinished { step, elapsed, .. } => self.finish(*step, *elapsed),
            // The error is shown when the command ends.
            Event::StepFailed { .. } => {
                self.retries.step_ended();
                self.clear();
            }
            Event::Retrying { reason, .. } => {
                if let Some(text) = self.retries.failed(reason) {
                    self.status(&text);
                }
            }
            Event::Answered {
                failures, elapsed, ..
            } => {
                if let Some(text) = self.retries.answered(*failures, *elapsed) {
                    self.status(&text);
                }
            }
            Event::JobState(transition) => self.job_state(transition),
            Event::JobTrouble {
                job_id,
                restarts,
                elapsed,
                error,
                ..
            } => {
                self.in_trouble = true;
                let reason = error
                    .as_ref()
                    .map_or_else(|| "the server gives no reason".to_owned(), logged);
                // Without an error, another client may be restarting it.
                let failed = if error.is_some() { "failed and " } else { "" };
                let what = match restarts {
                    0 => "is failing".to_owned(),
                    1 => format!("{failed}is being restarted"),
                    _ => format!(
                        "{failed}is being restarted, {restarts} times in {}",
                        Time(*elapsed)
                    ),
                };
                self.warning(&format!("job {job_id} {what}: {reason}"));
            }
            Event::JobRecovered {
                job_id, restarts, ..
            } => {
                self.in_trouble = false;
                let after = match restarts {
                    0 => String::new(),
                    1 => ", after one restart".to_owned(),
                    _ => format!(", after {restarts} restarts"),
                };
                self.note(&format!("job {job_id} is running steadily again{after}"));
            }
            Event::Differs {
                pipeline_id,
                difference,
            } => {
                self.warning(&format!(
                    "pipeline {pipeline_id} differs from what was asked for: {difference}"
                ));
            }
            _ => {}
        }
    }

    fn job_state(&mut self, transition: &JobTransition) {
        let stopping = !transition.running_desired && !transition.state.is_terminal();
        let wish = if stopping { ", told to stop" } else { "" };
        let text = format!("job {} is {}{wish}", transition.job_id, transition.state);
        // Another run in the same state, or a stop of a job that has ended, reads the same.
        if self.last_state.as_ref() == Some(&text) {
            return;
        }
        let goes_on = transition.running_desired && !transition.state.is_terminal();
        if !(self.in_trouble && goes_on) {
            self.status(&text);
        }
        self.last_state = Some(text);
    }

    fn start(&mut self, step: Step) {
        if self.is_terminal {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg}") {
                spinner.set_style(style);
            }
            spinner.set_prefix(step.to_string());
            spinner.enable_steady_tick(Duration::from_millis(100));
            self.spinner = Some(spinner);
        }
    }

    fn finish(&mut self, step: Step, elapsed: Duration) {
        self.retries.step_ended();
        let time = Time(elapsed);
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
            let tick = self.paint(GREEN, "✓");
            say!("{tick} {step} ({time})");
        } else {
            say!("{step}: done in {time}");
        }
    }

    /// Shows something about the current step: beside the spinner, or on a line of its own.
    fn status(&mut self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.set_message(line(text).into_owned()),
            None => say!("  {}", line(text)),
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        if !self.quiet {
            self.print(&printable(text));
        }
    }

    pub(super) fn warning(&mut self, text: &str) {
        if !self.quiet {
            let word = self.paint(YELLOW, "warning");
            self.print(&format!("{word}: {}", printable(text)));
        }
    }

    pub(super) fn error(&mut self, text: &str, causes: &[String]) {
        let word = self.paint(RED, "error");
        say!("{word}: {}", printable(text));
        for cause in causes {
            say!("  because {}", printable(cause));
        }
    }

    /// Shows what to try next.
    pub(super) fn hints(hints: &[Hint]) {
        for hint in hints {
            match &hint.command {
                Some(command) => say!("next: {}:\n  {}", line(&hint.text), line(command)),
                None => say!("next: {}", line(&hint.text)),
            }
        }
    }

    pub(super) fn log(&mut self, level: &str, target: &str, text: &str) {
        self.print(&format!("{level:>5} {target}: {}", printable(text)));
    }

    /// Removes the spinner of a step that did not succeed.
    pub(super) fn clear(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    pub(super) fn print(&self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| say!("{text}")),
            None => say!("{text}"),
        }
    }

    /// The spinner of the current step, if there is one.
    pub(super) fn spinner(&self) -> Option<ProgressBar> {
        self.spinner.clone()
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.color {
            format!("{color}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }
}

//! The status as text, one labelled line for each fact.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use stepwell::arroyo::{Job, JobError};

use super::PipelineStatus;
use crate::{moment, printable};

/// The maximum number of distinct errors to show. The others are counted.
const SHOWN: usize = 10;

impl PipelineStatus {
    pub(super) fn report(&self) -> String {
        let (pipeline, mut report) = (&self.pipeline, Report::default());
        report.line("pipeline", &printable::line(pipeline.id.as_str()));
        report.line("name", &printable::line(&pipeline.name));
        let created = moment::date(pipeline.created_at);
        let created = created.map(|date| format!(" ({date})")).unwrap_or_default();
        report.line(
            "created",
            &format!("{} ago{created}", moment::age(pipeline.created_at)),
        );
        match &self.job {
            Some(job) => report.job(job),
            None => report.line("state", "no job"),
        }
        if let Some(parallelism) = pipeline.graph.parallelism() {
            report.line("parallelism", &parallelism.to_string());
        }
        report.line("checkpoint", &self.checkpoint());
        if let Some(dashboard) = &self.dashboard {
            report.line("dashboard", &printable::line(dashboard));
        }
        report.errors(&self.errors);
        report.0
    }

    fn checkpoint(&self) -> String {
        let newest = self
            .checkpoints
            .iter()
            .filter_map(|checkpoint| Some((checkpoint, checkpoint.finish_time?)))
            // The epoch restarts with a run that begins without state.
            .max_by_key(|(_, finished)| *finished);
        let Some((checkpoint, finished)) = newest else {
            return "none".to_owned();
        };
        let kind = match &checkpoint.checkpoint_type {
            Some(kind) => format!(" ({})", printable::line(kind.as_str())),
            None => String::new(),
        };
        format!("{}{kind}, {} ago", checkpoint.epoch, moment::age(finished))
    }
}

/// Labelled lines.
#[derive(Default)]
struct Report(String);

impl Report {
    /// Adds a line. The lines of a longer text are aligned.
    fn line(&mut self, label: &str, text: &str) {
        let text = text.replace('\n', &format!("\n{:13}", ""));
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{label:<12} {text}");
    }

    fn job(&mut self, job: &Job) {
        let told = if job.running_desired {
            ""
        } else {
            ", told to stop"
        };
        let state = printable::line(job.state.as_str());
        self.line("state", &format!("{state}{told}"));
        let id = printable::line(job.id.as_str());
        let mut run = format!("{id}, run {}", job.run_id);
        // The server keeps the time of the last end until the job is running again.
        match (job.start_time, job.finish_time) {
            (_, Some(finished)) if job.state.is_terminal() => {
                let _ = write!(run, ", ended {} ago", moment::age(finished));
            }
            (Some(started), _) if !job.state.is_terminal() => {
                let _ = write!(run, ", started {} ago", moment::age(started));
            }
            _ => {}
        }
        self.line("job", &run);
        if let Some(reason) = &job.failure_reason {
            let domain = reason.domain.as_ref();
            let domain =
                domain.map(|domain| format!("{} error: ", printable::line(domain.as_str())));
            let domain = domain.unwrap_or_default();
            self.line(
                "failed",
                &format!("{domain}{}", printable::lines(reason.error.trim())),
            );
        }
    }

    fn errors(&mut self, errors: &[JobError]) {
        let folded = folded(errors);
        for error in folded.iter().take(SHOWN) {
            let level = printable::line(error.newest.level.as_str());
            self.line(&level, &error.to_string());
        }
        if let Some(more) = folded.get(SHOWN..).filter(|more| !more.is_empty()) {
            let count: usize = more.iter().map(|error| error.count).sum();
            self.line("", &format!("and {count} older ones"));
        }
    }
}

/// Equal errors, counted.
struct Folded<'a> {
    newest: &'a JobError,
    count: usize,
}

/// The errors, newest first, with equal ones merged into the newest of them.
fn folded(errors: &[JobError]) -> Vec<Folded<'_>> {
    let mut errors: Vec<_> = errors.iter().collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.created_at));
    let mut folded: Vec<Folded<'_>> = Vec::new();
    for error in errors {
        let is_same = |known: &JobError| {
            (&known.level, &known.message, &known.details)
                == (&error.level, &error.message, &error.details)
        };
        match folded.iter_mut().find(|folded| is_same(folded.newest)) {
            Some(folded) => folded.count += 1,
            None => folded.push(Folded {
                newest: error,
                count: 1,
            }),
        }
    }
    folded
}

impl fmt::Display for Folded<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let age = moment::age(self.newest.created_at);
        match self.count {
            1 => write!(formatter, "{age} ago: ")?,
            count => write!(formatter, "{count} times, last {age} ago: ")?,
        }
        let message: Cow<'_, str> = printable::lines(self.newest.message.trim());
        formatter.write_str(&message)?;
        match self.newest.details.trim() {
            "" => Ok(()),
            details => write!(formatter, ": {}", printable::lines(details)),
        }
    }
}

#[cfg(test)]
mod tests {
    use stepwell::arroyo::ErrorDomain;

    use super::*;

    fn error(created_at: u64, details: &str) -> JobError {
        JobError::task_failed("id", created_at, details, ErrorDomain::User)
    }

    #[test]
    fn errors_are_newest_first_and_the_same_one_is_counted() {
        let errors = [
            error(1, "disk full"),
            error(4, "disk full"),
            error(3, "lost"),
            error(2, "disk full"),
        ];
        let folded = folded(&errors);
        let shown: Vec<_> = folded
            .iter()
            .map(|folded| {
                (
                    folded.newest.details.as_str(),
                    folded.newest.created_at,
                    folded.count,
                )
            })
            .collect();
        assert_eq!(shown, [("disk full", 4, 3), ("lost", 3, 1)]);
    }

    #[test]
    fn an_error_of_several_lines_stands_under_its_first() {
        let mut report = Report::default();
        report.errors(&[error(u64::MAX, "one\ntwo\u{1b}[2J\n")]);
        assert_eq!(
            report.0,
            "error        0 s ago: task failed: one\n             two\\u{1b}[2J\n"
        );
    }

    #[test]
    fn of_many_different_errors_the_newest_are_shown() {
        let errors: Vec<_> = (0..13)
            .map(|number| error(number, &number.to_string()))
            .collect();
        let mut report = Report::default();
        report.errors(&errors);
        assert_eq!(report.0.lines().count(), SHOWN + 1);
        assert!(report.0.ends_with("and 3 older ones\n"), "{}", report.0);
    }
}

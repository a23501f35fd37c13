//! Seeing a run through to its end: what was started is stopped, and the exit code says how it ended.

use std::{future, io, time::Duration};

use stepwell::{
    Error, PipelineId, SharedTransport, StopPolicy,
    arroyo::{Client, JobState},
    shutdown::{ShutdownEnd, ShutdownReport},
};

use super::submit::{Reached, Submit};
use crate::{
    exit::Exit,
    failure::{self, Failure, InterruptedSnafu, JobFailedSnafu},
    output::Output,
};

/// The timeout for reading why a job failed.
const REASON_TIMEOUT: Duration = Duration::from_secs(5);

impl Submit<'_> {
    /// Takes all steps. Whether a signal or a failure ends them, nothing that this command has started is left running.
    pub(super) async fn run(&mut self, transport: SharedTransport) -> Result<Exit, Failure> {
        let result = match self.steps(transport.clone()).await {
            Err(failure) => stop(self, &transport, failure).await,
            ended => ended,
        };
        match self.row_printer.take() {
            Some(printer) => {
                let rows = printer.finish().await;
                result.and_then(|exit| rows.map(|()| exit))
            }
            None => result,
        }
    }
}

/// Stops what was created or started, after a failure or a signal.
async fn stop(
    submit: &mut Submit<'_>,
    transport: &SharedTransport,
    failure: Failure,
) -> Result<Exit, Failure> {
    let first = match failure {
        Failure::Step {
            source: Error::ShutdownBegun,
        } => unwritable(submit),
        failure => Some(failure),
    };
    let policy = StopPolicy::builder()
        .mode(submit.arguments.stopping.stop_mode.into())
        .deadline(submit.arguments.stopping.stop_timeout)
        .build();
    let stopped = tokio::select! {
        stopped = submit.shutdown.stop_all(policy) => stopped,
        cause = cannot_save(submit) => {
            return Err(first.unwrap_or(Failure::NotSaved { cause }));
        }
    };
    let report = match stopped {
        Ok(report) => report,
        Err(error) => {
            show(&error.report, submit.output);
            return Err(Failure::Unsettled {
                first: first.map(Box::new),
                report: error.report,
                ends_with_us: submit.engine.is_some(),
            });
        }
    };
    show(&report, submit.output);
    submit.has_finished |= report
        .entries
        .iter()
        .any(|entry| is_ended_as(&entry.end, &JobState::Finished));
    if let Some(first) = first {
        return Err(first);
    }
    let failed = report
        .entries
        .iter()
        .find(|entry| is_ended_as(&entry.end, &JobState::Failed))
        .and_then(|entry| entry.id.clone());
    if let Some(id) = failed {
        return Err(job_failed(transport, &id).await);
    }
    if let Some(trouble) = submit.output.trouble()
        && let [entry] = report.entries.as_slice()
        && let (Some(id), true) = (&entry.id, submit.first_signal.get().is_some())
    {
        return JobFailedSnafu {
            id: id.to_string(),
            reason: trouble.to_string(),
        }
        .fail();
    }
    match submit.first_signal.get() {
        Some(signal) if submit.reached < Reached::Running && !submit.has_finished => {
            if report.entries.is_empty() {
                submit.output.note("nothing was started");
            }
            InterruptedSnafu { signal, left: None }.fail()
        }
        // It ran until it was asked to end, or until the reader of the rows had gone.
        _ => Ok(Exit::Success),
    }
}

/// Waits until the embedded engine is unable to save its state. It refuses requests then, until there is room again.
async fn cannot_save(submit: &Submit<'_>) -> String {
    match submit.engine {
        Some(engine) => engine.cannot_save().await,
        None => future::pending().await,
    }
}

/// Why rows could not be written, if that began the shutdown. A reader that has gone is no failure.
fn unwritable(submit: &Submit<'_>) -> Option<Failure> {
    let error = submit.write_failure.as_ref()?.take()?;
    let is_failure = error.kind() != io::ErrorKind::BrokenPipe;
    is_failure.then_some(Failure::StandardOutput { source: error })
}

fn is_ended_as(end: &ShutdownEnd, wanted: &JobState) -> bool {
    matches!(end, ShutdownEnd::Ended { state, .. } if state == wanted)
}

/// Shows what was stopped. The error shows what was not.
fn show(report: &ShutdownReport, output: &Output) {
    for entry in &report.entries {
        let id = entry
            .id
            .as_ref()
            .map_or(entry.name.as_str(), PipelineId::as_str);
        match &entry.end {
            ShutdownEnd::Ended {
                state,
                final_checkpoint,
                ..
            } => output.stopped(id, &entry.name, state, *final_checkpoint),
            ShutdownEnd::Unsettled { .. } => {}
            _ => output.note(&entry.to_string()),
        }
    }
}

/// Reads why a job failed that should have been stopped.
async fn job_failed(transport: &SharedTransport, id: &PipelineId) -> Failure {
    let client = Client::new(transport.clone()).within(REASON_TIMEOUT);
    let job = client.job(id).await.ok().flatten();
    let errors = match &job {
        Some(job) => client.job_errors(id, &job.id).await.unwrap_or_default(),
        None => Vec::new(),
    };
    Failure::JobFailed {
        id: id.to_string(),
        reason: failure::reason(job.as_ref(), errors.first()),
    }
}

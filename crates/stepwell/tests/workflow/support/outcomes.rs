//! What a test expects of an outcome, an error or a report.

use stepwell::{
    Error, JobState, Resolution, Submission, TransitionError,
    error::{ResolveError, WaitError},
    shutdown::{ShutdownEnd, ShutdownEntry, ShutdownReport},
    state::{Registered, Running, Validated},
};

/// An error with its causes.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    stepwell::error::Chain(error).to_string()
}

#[track_caller]
pub(crate) fn created(
    resolution: Resolution,
) -> Submission<stepwell::state::Resolved<stepwell::state::Created>> {
    match resolution {
        Resolution::Created(created) => created,
        Resolution::Resumed(resumed) => panic!("it was resumed: {}", resumed.id()),
    }
}

#[track_caller]
pub(crate) fn resumed(
    resolution: Resolution,
) -> Submission<stepwell::state::Resolved<stepwell::state::Resumed>> {
    match resolution {
        Resolution::Resumed(resumed) => resumed,
        Resolution::Created(created) => panic!("it was created: {}", created.id()),
    }
}

/// Asserts that one pipeline was stopped with a final checkpoint.
/// The entry of a report that must have one.
#[track_caller]
pub(crate) fn only_entry(report: &ShutdownReport) -> &ShutdownEntry {
    let [entry] = &report.entries[..] else {
        panic!("{report}");
    };
    entry
}

#[track_caller]
pub(crate) fn assert_stopped(report: &ShutdownReport, id: &str) {
    let entry = only_entry(report);
    assert_eq!(entry.name, "orders");
    assert_eq!(
        entry.id.as_ref().map(stepwell::PipelineId::as_str),
        Some(id)
    );
    assert!(
        matches!(
            entry.end,
            ShutdownEnd::Ended {
                state: JobState::Stopped,
                final_checkpoint: Some(true),
                ..
            }
        ),
        "{report}"
    );
}

/// The error of a `resolve` that failed.
#[track_caller]
pub(crate) fn resolve_error(
    outcome: Result<Resolution, TransitionError<Validated>>,
) -> (ResolveError, Submission<Validated>) {
    let (error, submission) = outcome.unwrap_err().into_parts();
    match error {
        stepwell::Error::Resolve { source } => (source, submission),
        other => panic!("not an error of resolving: {}", chain(&other)),
    }
}

pub(crate) fn wait_error(
    outcome: Result<Submission<Running>, TransitionError<Registered>>,
) -> (WaitError, Submission<Registered>) {
    let (error, submission) = outcome.unwrap_err().into_parts();
    match error {
        Error::Wait { source } => (source, submission),
        other => panic!("not an error of waiting: {other:?}"),
    }
}

//! What both pages show of a job.

use stepwell_arroyo::{Job, JobState};

use super::time::moment;

/// The state of a job, and what it is about to do if the state alone would mislead.
pub(super) fn state_text(job: &Job) -> String {
    match (&job.state, job.running_desired) {
        (JobState::Stopped, true) => "Stopped, about to start".to_owned(),
        (state, true) => state.to_string(),
        (state, false) if state.is_terminal() => state.to_string(),
        (state, false) => format!("{state}, told to stop"),
    }
}

/// When the job entered its state, as far as the API says; otherwise when it was created.
pub(super) fn since(job: &Job) -> String {
    let time = match job.state {
        JobState::Running => job.start_time,
        _ if job.state.is_terminal() => job.finish_time,
        _ => None,
    };
    moment(time.unwrap_or(job.created_at))
}

//! The action that the dashboard offers for a pipeline: `action`, `action_text`, `action_in_progress`.

use stepwell_arroyo::{JobState, Pipeline, StopMode};

use crate::record::Record;

/// The pipeline with its current action.
pub(crate) fn shown(record: &Record) -> Pipeline {
    let mut pipeline = record.pipeline.clone();
    let state = record
        .job
        .as_ref()
        .map_or(&JobState::Created, |job| job.state());
    let (action, text, in_progress) = offer(state, record.is_told_to_run());
    pipeline.action = action;
    text.clone_into(&mut pipeline.action_text);
    pipeline.action_in_progress = in_progress;
    pipeline
}

fn offer(state: &JobState, told_to_run: bool) -> (Option<StopMode>, &'static str, bool) {
    match (state, told_to_run) {
        // A final checkpoint is completed even if the stop is cancelled.
        (JobState::CheckpointStopping, _) => (Some(StopMode::Immediate), "Force Stop", true),
        (JobState::Stopped, true) => (None, "Starting", true),
        (JobState::Stopped | JobState::Created | JobState::Failed, false) => {
            (Some(StopMode::None), "Start", false)
        }
        (JobState::Failing, _) => (None, "Failing", true),
        (JobState::Failed, true) => (None, "Failed", false),
        (JobState::Finished, _) => (None, "Finished", false),
        // The stop was cancelled too late (recording `321_resume_after_graceful_states` of 0.15.0).
        (JobState::Stopping, true) => (Some(StopMode::Checkpoint), "Stopping", true),
        (JobState::Running, true) => (Some(StopMode::Checkpoint), "Stop", false),
        (_, true) => (Some(StopMode::Checkpoint), "Stop", true),
        (_, false) => (None, "Stopping", true),
    }
}

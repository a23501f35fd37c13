//! The end of a job.

use stepwell_arroyo::{Job, JobError, JobState, PipelineId};

use super::trouble::Trouble;

/// The end of a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The pipeline.
    pub id: PipelineId,
    /// The job when it ended: Stopped, Finished or Failed.
    pub job: Job,
    /// The errors that a failed job has logged, newest first.
    pub errors: Vec<JobError>,
    /// The trouble that the job was in before it ended.
    pub trouble: Option<Trouble>,
    /// Whether this submission or its shutdown had asked the pipeline to stop.
    pub is_told_to_stop: bool,
}

/// Whether the job has ended. A job that is Stopped but intended to run is about to start again.
pub(crate) fn has_ended(job: &Job) -> bool {
    match job.state {
        JobState::Finished | JobState::Failed => true,
        JobState::Stopped => !job.running_desired,
        _ => false,
    }
}

/// Whether the job has ended for good: it is not intended to run again.
pub(crate) fn stays_ended(job: &Job) -> bool {
    has_ended(job) && !job.running_desired
}

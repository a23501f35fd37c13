//! The end of a job.

use stepwell_arroyo::{Job, JobError, JobState, PipelineId};

use super::trouble::Trouble;

/// The end of a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The pipeline.
    pub id: PipelineId,
    /// The job at its end: Stopped, Finished or Failed.
    pub job: Job,
    /// The errors that a failed job has logged, newest first.
    pub errors: Vec<JobError>,
    /// The trouble that the job was in until then.
    pub trouble: Option<Trouble>,
}

/// Whether it has come to an end: a job that is Stopped and meant to run is about to start again.
pub(crate) fn has_ended(job: &Job) -> bool {
    match job.state {
        JobState::Finished | JobState::Failed => true,
        JobState::Stopped => !job.running_desired,
        _ => false,
    }
}

/// Whether it has ended and stays so: nothing that was asked of the server starts it again.
pub(crate) fn stays_ended(job: &Job) -> bool {
    has_ended(job) && !job.running_desired
}

//! Reading jobs.

use http::StatusCode;
use stepwell_arroyo::{ClientError, Job};

/// The job that counts: a pipeline has one, and if a server shows several, it is the newest.
pub(crate) fn newest_job(jobs: Vec<Job>) -> Option<Job> {
    jobs.into_iter()
        .max_by_key(|job| (job.created_at, job.run_id))
}

/// The server answered that it does not know the pipeline, or that the pipeline has no job
/// (recordings `107_get_jobs_unknown_pipeline`, `146_patch_unknown_id`, `257_restart_unknown`).
pub(crate) fn is_gone(error: &ClientError) -> bool {
    error.status() == Some(StatusCode::NOT_FOUND)
}

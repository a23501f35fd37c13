//! A query that fails while it runs: it reaches Running first (recordings `360_create_div_by_zero`, `361_div_by_zero_jobs`).

use std::{sync::Arc, time::Duration};

use stepwell::{Error, Submission, error::WaitError};

use crate::{
    failure::{Failure, error_of, unexpected},
    scene::{Scene, options},
};

pub(crate) async fn one_that_fails_after_running_is_seen_by_stable_for(
    scene: Arc<Scene>,
) -> Result<(), Failure> {
    let spec = scene.failing("unstable", 1).build()?;
    let stable = options().with_stable_for(Duration::from_secs(15));
    let submission = Submission::builder(scene.transport(), spec)
        .options(stable)
        .build();
    match error_of(submission.run().await)? {
        Error::Wait {
            source: WaitError::Failed { job, errors, .. },
        } => {
            let generation = scene.generation().await?;
            let reason = job.failure_reason.as_ref();
            assert!(
                generation.is_right_of_a_divide_by_zero(reason, &errors),
                "{reason:?}, {errors:?}"
            );
            assert!(generation.runs_of_a_failing_job(1).contains(&job.run_id));
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

/// Whether a server's message is about the division by zero.
pub(crate) fn speaks_of_it(text: &str) -> bool {
    text.to_lowercase().contains("divide by zero")
}

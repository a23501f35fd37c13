//! Which requests make a pipeline run.

use std::num::NonZeroU32;

use stepwell_arroyo::{Job, JobState, Pipeline, StopMode};

use super::PlannedRequest;

/// What to do so that a pipeline runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResumePlan {
    /// The job has to end first (Finishing, Failing); then decide again.
    AwaitEnd,
    /// Patch what is set, then restart if it has failed. If nothing is set, adopt the pipeline as it is.
    Act {
        start: bool,
        parallelism: Option<NonZeroU32>,
        restart: bool,
    },
}

impl ResumePlan {
    /// The requests that make a pipeline run, by the state of its job. The parallelism is patched in every state in which one is sent, if
    /// another one is `wanted` than the pipeline has.
    ///
    /// | job | action |
    /// |---|---|
    /// | Finishing, Failing | wait for the end, then decide again |
    /// | Stopping, CheckpointStopping, Stopped | `PATCH stop=none`, unless it was patched before and the job starts again by itself |
    /// | Failed | `PATCH stop=none` if it was told to stop, then `POST restart` |
    /// | any other, unknown, or no job | adopt it; `PATCH stop=none` if it was told to stop |
    ///
    /// Finished is decided before, because a finished pipeline cannot be resumed.
    pub(crate) fn of(wanted: Option<NonZeroU32>, pipeline: &Pipeline, job: Option<&Job>) -> Self {
        let told_to_stop = pipeline.stop != StopMode::None;
        let (start, restart) = match job.map(|job| &job.state) {
            Some(JobState::Finishing | JobState::Failing) => return Self::AwaitEnd,
            Some(JobState::Stopping | JobState::CheckpointStopping | JobState::Stopped) => {
                // If `stop: none` was set before, by any client, the job starts again by itself.
                (
                    told_to_stop || job.is_some_and(|job| !job.running_desired),
                    false,
                )
            }
            // A failed job ignores `stop`, but would obey it after the restart.
            Some(JobState::Failed) => (told_to_stop, true),
            _ => (told_to_stop, false),
        };
        let parallelism =
            wanted.filter(|wanted| pipeline.graph.parallelism() != Some(wanted.get()));
        Self::Act {
            start,
            parallelism,
            restart,
        }
    }

    pub(crate) fn requests(&self) -> Vec<PlannedRequest> {
        match *self {
            Self::AwaitEnd => vec![PlannedRequest::AwaitEnd],
            Self::Act {
                start,
                parallelism,
                restart,
            } => [
                start.then_some(PlannedRequest::Start),
                parallelism.map(|to| PlannedRequest::Parallelism { to }),
                restart.then_some(PlannedRequest::Restart),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }
}
